"""An api process that is killed under load loses no spend and keeps no budget reserved."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2

from service.core.db import transaction
from service.ledger.actions import end_expired
from tests.gateway.conftest import StartApi
from tests.gateway.rows import entries_of, holds_left
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

MESSAGES = [{"role": "user", "content": "Hello"}]
CALLERS = 12


def test_every_answer_that_was_complete_is_on_record(start_api: StartApi, trainer: TrainerProcess) -> None:
    api, service = start_api(inference_hold_s="3")
    team = service.make_team(budget_usd="100")
    trainer.control.answers(latency_s=0.02, chunks=5)
    trainer.control.forget_requests()
    complete: list[str] = []
    enough = threading.Event()

    def call_until_it_dies(number: int) -> None:
        streaming = number % 2 == 0
        body = {"model": "sandbox-mini", "messages": MESSAGES, "stream": streaming}
        headers = {"Authorization": f"Bearer {team.key}"}
        with httpx2.Client(base_url=api.url, headers=headers, trust_env=False, timeout=20) as client:
            while True:
                try:
                    answer = client.post("/v1/chat/completions", json=body)
                except httpx2.TransportError:
                    return
                if answer.status_code == 200 and answer.text.endswith("[DONE]\n\n" if streaming else "}"):
                    complete.append(answer.text.split('"id":"')[1].split('"')[0])
                if len(complete) >= 60:
                    enough.set()

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call_until_it_dies, number) for number in range(CALLERS)]
        assert enough.wait(60)
        api.kill()
        for caller in callers:
            caller.result(60)

    recorded = [row.subject_id for row in entries_of(team.id) if row.kind == "input_tokens"]
    sent = trainer.control.requests()["POST /v1/chat/completions"]
    assert set(complete) <= set(recorded), "a caller has a whole answer that was not charged"
    assert len(set(recorded)) == len(recorded) <= sent

    def are_holds_free() -> bool:
        with transaction() as session:
            end_expired(session, 100)
        return not holds_left(team.id)

    wait_until(are_holds_free)
    charged = {row.subject_id for row in entries_of(team.id)}
    assert len(charged) >= sent, "a request that reached the provider was charged nothing"
    uncertain = {row.subject_id for row in entries_of(team.id) if row.state == "uncertain"}
    assert uncertain == charged - set(recorded)

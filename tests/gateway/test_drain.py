"""A process that is asked to stop finishes, or cuts and settles, what it began."""

import os
import signal
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2

from tests.gateway.conftest import StartApi
from tests.gateway.rows import entries_of, holds_left
from tests.support.processes import Api
from tests.support.service import TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

HELLO = [{"role": "user", "content": "Hello"}]
# A longer run: TUNEHOUSE_TEST_RESTARTS=50 python -m pytest tests/gateway/test_drain.py
ROUNDS = int(os.environ.get("TUNEHOUSE_TEST_RESTARTS", "2"))
CALLERS = 6
ANSWERS = 20


def ask(api: Api, team: TeamHandle, *, stream: bool) -> str:
    """The text of the answer, up to where it ended."""
    headers = {"Authorization": f"Bearer {team.key}"}
    body = {"model": "sandbox-mini", "messages": HELLO, "stream": stream}
    received = ""
    try:
        with (
            httpx2.Client(base_url=api.url, headers=headers, trust_env=False, timeout=30) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as answer,
        ):
            for text in answer.iter_text():
                received += text
    except httpx2.TransportError:
        return received
    return received


def begin(pool: ThreadPoolExecutor, api: Api, team: TeamHandle, trainer: TrainerProcess) -> list[Future[str]]:
    """Requests that the provider is working on: a stream and a whole answer."""
    trainer.control.forget_requests()
    answers = [pool.submit(ask, api, team, stream=stream) for stream in (True, False)]
    wait_until(lambda: trainer.control.requests().get("POST /v1/chat/completions", 0) == 2)
    return answers


def signal_to(api: Api) -> None:
    assert api.process is not None
    api.process.send_signal(signal.SIGTERM)


def is_refusing(api: Api, path: str = "/readyz") -> bool:
    answer = httpx2.get(f"{api.url}{path}", trust_env=False)
    return answer.status_code == 503 and answer.json()["error"]["code"] == "shutting_down"


def test_running_requests_end_while_new_ones_are_refused(
    start_api: StartApi, trainer: TrainerProcess
) -> None:
    api, service = start_api(drain_s="60")
    team = service.make_team()
    trainer.control.answers(latency_s=4)
    with ThreadPoolExecutor(2) as pool:
        streamed, whole = begin(pool, api, team, trainer)
        signal_to(api)
        wait_until(lambda: is_refusing(api))
        refused = httpx2.post(f"{api.url}/v1/chat/completions", json={}, trust_env=False)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert httpx2.get(f"{api.url}/healthz", trust_env=False).status_code == 200
        assert streamed.result(30).endswith("[DONE]\n\n")
        assert whole.result(30).endswith("}")
    assert api.process is not None
    api.process.wait(20)
    assert {row.tags["outcome"] for row in entries_of(team.id)} == {"complete"}
    assert not holds_left(team.id)


def test_what_does_not_end_in_time_is_cut_and_settled(start_api: StartApi, trainer: TrainerProcess) -> None:
    api, service = start_api(drain_s="0.2")
    team = service.make_team()
    trainer.control.answers(latency_s=1, chunks=2000, chunk_interval_s=0.05)
    with ThreadPoolExecutor(2) as pool:
        streamed, whole = begin(pool, api, team, trainer)
        signal_to(api)
        assert "shutting_down" in streamed.result(30)
        assert "shutting_down" in whole.result(30)
    assert api.process is not None
    api.process.wait(20)
    assert len({row.subject_id for row in entries_of(team.id)}) == 2
    assert "uncertain" in {row.state for row in entries_of(team.id)}
    assert not holds_left(team.id)


def ask_until_it_stops(api: Api, team: TeamHandle, enough: threading.Semaphore, *, stream: bool) -> None:
    """Ask again and again; each answer releases `enough`."""
    while text := ask(api, team, stream=stream):
        enough.release()
        if "shutting_down" in text:
            return


def test_no_restart_under_load_leaves_a_hold_or_an_unmetered_token(
    start_api: StartApi, trainer: TrainerProcess
) -> None:
    trainer.control.answers(latency_s=0.05, chunks=5)
    wait_until(trainer.control.is_idle, 120)  # earlier tests cut their requests, which take up to 60 s
    trainer.control.forget_requests()
    teams = []
    for _ in range(ROUNDS):
        api, service = start_api(drain_s="60")
        team = service.make_team()
        teams.append(team)
        enough = threading.Semaphore(0)
        with ThreadPoolExecutor(CALLERS) as pool:
            callers = [
                pool.submit(ask_until_it_stops, api, team, enough, stream=number % 2 == 0)
                for number in range(CALLERS)
            ]
            for _ in range(ANSWERS):
                assert enough.acquire(timeout=60)
            signal_to(api)
            for caller in callers:
                caller.result(60)
        assert api.process is not None
        api.process.wait(20)
    assert not any(holds_left(team.id) for team in teams)
    rows = [row for team in teams for row in entries_of(team.id)]
    charged = {row.subject_id for row in rows}
    assert len(charged) == trainer.control.requests()["POST /v1/chat/completions"]
    metered = Counter[str]()
    for row in rows:
        metered[row.kind] += int(row.quantity)
    answered = trainer.control.tokens()
    assert metered == {"input_tokens": answered["prompt"], "output_tokens": answered["completion"]}

"""A request that is sent again is not charged again: by its Idempotency-Key, or as the SDK's own resend."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError
from sqlalchemy import update

from service.core.db import transaction
from service.gateway.resends.tables import InferenceAttempt
from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

PATH = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
BODY = {"model": "sandbox-mini", "messages": HELLO, "max_tokens": 20}

Sent = Callable[[], int]


@pytest.fixture
def sent(trainer: TrainerProcess) -> Sent:
    """How many requests have reached the provider."""
    trainer.control.forget_requests()
    return lambda: trainer.control.requests().get(f"POST {PATH}", 0)


def ask(team: TeamHandle, key: str | None, **fields: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return team.http.post(PATH, json=BODY | fields, headers=headers)


def charged(team: TeamHandle) -> set[str]:
    return {row.subject_id for row in entries_of(team.id)}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_sdk_that_times_out_and_sends_again_gets_the_first_answer_and_pays_once(
    service: Service, trainer: TrainerProcess, sent: Sent
) -> None:
    team = service.make_team()
    trainer.control.answers(latency_s=2)
    impatient = team.sdk.with_options(timeout=1.2, max_retries=3)
    answer = impatient.chat.completions.create(model="sandbox-mini", messages=HELLO, max_tokens=20)  # type: ignore[arg-type]
    assert (sent(), charged(team)) == (1, {answer.id})
    # Once delivered, the same question is a new one.
    again = team.sdk.chat.completions.create(model="sandbox-mini", messages=HELLO, max_tokens=20)  # type: ignore[arg-type]
    assert (sent(), charged(team)) == (2, {answer.id, again.id})
    assert not holds_left(team.id)


def test_a_stream_that_the_sdk_sends_again_runs_again(
    service: Service, trainer: TrainerProcess, sent: Sent
) -> None:
    team = service.make_team()
    headers = {"x-stainless-retry-count": "1"}
    for _ in range(2):
        assert team.http.post(PATH, json=BODY | {"stream": True}, headers=headers).status_code == 200
    assert (sent(), len(charged(team))) == (2, 2)


def test_the_same_key_gets_the_same_answer_and_pays_once(service: Service, sent: Sent) -> None:
    team, other = service.make_team(), service.make_team()
    first, second = ask(team, "a"), ask(team, "a")
    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    assert (sent(), len(charged(team))) == (1, 1)
    assert ask(other, "a").json()["id"] != first.json()["id"]
    assert code_of(ask(team, "a", max_tokens=5)) == (409, "idempotency_key_reused")
    assert code_of(ask(team, "k" * 256)) == (400, None)


def test_a_key_whose_answer_cannot_be_repeated_is_refused(
    service: Service, trainer: TrainerProcess, sent: Sent
) -> None:
    team = service.make_team()
    assert ask(team, "stream", stream=True).status_code == 200
    refused = ask(team, "stream", stream=True)
    assert code_of(refused) == (409, "idempotency_key_used")
    assert refused.headers["x-should-retry"] == "false"
    trainer.control.fault("status", "chat/completions", status=200, body="not an answer", times=1)
    assert ask(team, "broken").status_code == 502
    assert code_of(ask(team, "broken")) == (409, "idempotency_key_used")
    assert (sent(), len(charged(team))) == (2, 2)


def test_a_key_that_cost_nothing_can_be_used_again(
    service: Service, trainer: TrainerProcess, sent: Sent
) -> None:
    team = service.make_team(budget_usd="0")
    assert ask(team, "a").status_code == 429
    service.admin.put(f"/v1/teams/{team.id}/budget", json={"limit_usd": "1"})
    trainer.control.fault("status", "chat/completions", status=503, body="{}", times=1)
    assert ask(team, "a").status_code == 503
    assert ask(team, "a").status_code == 200
    assert (sent(), len(charged(team))) == (2, 1)


def test_a_key_in_use_waits_for_its_answer(service: Service, trainer: TrainerProcess, sent: Sent) -> None:
    team = service.make_team()
    trainer.control.answers(latency_s=1)
    keyed = team.sdk.with_options(timeout=0.5, max_retries=0, default_headers={"Idempotency-Key": "a"})
    with pytest.raises(APIConnectionError):
        keyed.chat.completions.create(model="sandbox-mini", messages=HELLO, max_tokens=20)  # type: ignore[arg-type]
    patient = keyed.with_options(timeout=30)
    answer = patient.chat.completions.create(model="sandbox-mini", messages=HELLO, max_tokens=20)  # type: ignore[arg-type]
    assert (sent(), charged(team)) == (1, {answer.id})


def test_a_key_of_a_process_that_died_is_refused_when_its_hold_has_ended(service: Service) -> None:
    team = service.make_team()
    assert ask(team, "a").status_code == 200
    dead = {"state": "running", "body": None, "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    own = InferenceAttempt.team_id == team.id, InferenceAttempt.state == "answered"

    def bury() -> bool:
        """Make the attempt, once it is recorded as answered, one of a process that died."""
        with transaction() as session:
            buried = update(InferenceAttempt).where(*own).values(dead).returning(InferenceAttempt.state)
            return session.scalar(buried) is not None

    wait_until(bury)
    assert code_of(ask(team, "a")) == (409, "idempotency_key_used")

"""The provider's webhooks to us: wake-ups for the job they name, once each, and only when genuine."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import func, update
from standardwebhooks import Webhook

from service.app import errors
from service.core.db import transaction
from service.core.work import WorkItem
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.upstream import inbound
from tests.conftest import WEBHOOK_SECRET
from tests.jobs import hands
from tests.jobs.conftest import Configure
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("configure")


@pytest.fixture(scope="module")
def url(environment: dict[str, str]) -> Iterator[str]:
    """A server of the route alone, in this process, whose settings tests can change."""
    app = FastAPI()
    errors.install(app)
    app.include_router(inbound.router)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/webhooks"
    server.should_exit = True
    thread.join()


@pytest.fixture
def job(calm: TrainerProcess) -> str:
    """A job at the provider that is to be looked at later."""
    team = hands.make_team()
    made = hands.make_job(team, hands.make_file(team))
    hands.run_due()
    put_off()
    return made


def put_off() -> None:
    """Let nothing be due by itself for an hour."""
    with transaction() as session:
        session.execute(update(WorkItem).values(next_step_at=func.now() + timedelta(hours=1)))


def about(job_id: str) -> bytes:
    event = {"type": "fine_tuning.job.succeeded", "data": {"id": hands.look(job_id).provider_job_id}}
    return json.dumps(event).encode()


def post(url: str, body: bytes, webhook_id: str = "wh_1", provider: str = "trainer") -> httpx2.Response:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(WEBHOOK_SECRET).sign(webhook_id, now, body.decode()),
    }
    return httpx2.post(f"{url}/{provider}", content=body, headers=headers, trust_env=False)


def test_a_genuine_webhook_wakes_the_job_it_names_and_its_second_copy_nothing(url: str, job: str) -> None:
    assert post(url, about(job)).status_code == 200
    assert hands.due() == [(ADVANCE_JOB, job)]
    hands.run_due()
    put_off()
    assert post(url, about(job)).status_code == 200
    assert hands.due() == []


def test_a_forged_webhook_wakes_nothing(url: str, job: str) -> None:
    body = about(job)
    forged = {"webhook-id": "wh_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    answer = httpx2.post(f"{url}/trainer", content=body, headers=forged, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_signature")
    assert hands.due() == []


def test_without_a_secret_the_sender_is_asked_to_try_again(url: str, job: str, configure: Configure) -> None:
    configure(webhook_secret=None)
    answer = post(url, about(job))
    assert answer.status_code == 503
    assert "webhook secret" in answer.json()["error"]["message"]
    assert hands.due() == []


@pytest.mark.parametrize("body", [b"[]", b'{"type": "x"}', b'{"type": 1, "data": {"id": "ftjob-1"}}'])
def test_a_genuine_webhook_that_names_nothing_is_malformed(url: str, body: bytes) -> None:
    answer = post(url, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_webhook")


def test_a_webhook_about_a_job_of_somebody_else_is_taken_and_ignored(url: str) -> None:
    assert post(url, b'{"type": "x", "data": {"id": "ftjob-theirs"}}').status_code == 200
    assert hands.due() == []


def test_an_unknown_provider_is_not_found(url: str) -> None:
    assert post(url, b"{}", provider="nobody").status_code == 404

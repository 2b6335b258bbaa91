"""Killing a process at the worst moment leaves nothing half-done."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select, update

from service.core import storage
from service.core.db import transaction
from service.core.work import WorkItem, hasten
from service.datasets.actions import CHECK
from service.datasets.tables import File, FileStatus
from tests.datasets.examples import chats, jsonl
from tests.datasets.storing import contents
from tests.support.processes import Api, Worker
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until


@pytest.fixture
def environment_of_its_own(quiet_url: str, environment: dict[str, str]) -> dict[str, str]:
    # A broker database of its own, too: another worker would take the wake-ups and find nothing to do.
    return environment | {
        "TUNEHOUSE_DATABASE_URL": quiet_url,
        "TUNEHOUSE_REDIS_URL": environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/1",
        "TUNEHOUSE_LEASE_S": "3",
    }


@pytest.fixture
def api(database: str, environment_of_its_own: dict[str, str], folder: Path) -> Iterator[Api]:
    process = Api(environment_of_its_own, folder)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def quiet_team(api: Api) -> Iterator[TeamHandle]:
    with Service(api.url, os.environ["TUNEHOUSE_ADMIN_KEY"]) as running:
        yield running.make_team()


@pytest.fixture
def worker(database: str, environment_of_its_own: dict[str, str], folder: Path) -> Iterator[Worker]:
    """A worker that is not started yet."""
    process = Worker(environment_of_its_own, folder)
    yield process
    process.stop()


def leases(kind: str) -> int:
    with transaction() as session:
        held = select(WorkItem.subject_id).where(WorkItem.kind == kind, WorkItem.lease_id.is_not(None))
        return len(session.scalars(held).all())


def forget_wakes() -> None:
    """Let the sweep send wake-ups again at once, not after the pause it usually makes."""
    with transaction() as session:
        session.execute(update(WorkItem).values(woken_at=None))


def test_a_worker_killed_in_mid_check_is_followed_by_another(quiet_team: TeamHandle, worker: Worker) -> None:
    examples = 200_000
    sent = quiet_team.sdk.files.create(
        file=("big.jsonl", jsonl(chats(100)) * (examples // 100)), purpose="fine-tune"
    )
    worker.start()
    wait_until(lambda: leases(CHECK))
    worker.kill()
    with transaction() as session:
        assert session.get_one(File, sent.id).status == FileStatus.UPLOADED
    forget_wakes()
    worker.start()
    wait_until(lambda: quiet_team.sdk.files.retrieve(sent.id).status == "processed")
    assert quiet_team.http.get(f"/v1/files/{sent.id}/report").json()["examples"] == examples


def test_an_api_killed_in_mid_upload_leaves_nothing(api: Api, quiet_team: TeamHandle, worker: Worker) -> None:
    before = contents()

    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + b"x" * 2**21
        wait_until(lambda: contents() != before)
        api.kill()
        yield b"x" * 2**21

    with pytest.raises(httpx2.TransportError):
        quiet_team.http.post(
            "/v1/files", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
    (left,) = contents() - before
    with transaction() as session:
        assert session.scalars(select(File.id)).all() == []
        hasten(session, storage.REAP, left)  # instead of waiting for an hour
    forget_wakes()
    worker.start()
    wait_until(lambda: contents() == before)

"""Killing a process at the worst moment leaves nothing half-done."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import msgspec
import pytest
from sqlalchemy import select, update

from service.core import storage
from service.core.db import transaction
from service.core.work import WorkItem, schedule
from service.dataset.convert.pipeline import Options
from service.files.actions import CHECK, create_result_file
from service.files.derived import actions as deriving
from service.files.tables import Content, File, FileStatus, Purpose
from service.files.uploads.tables import UploadPart
from tests.dataset.examples import chat, chats, jsonl
from tests.files.storing import contents
from tests.jobs import hands
from tests.support.processes import Api, Worker
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

CHECKED, MADE_OF = 100_000, 10_000
SPLIT_OPTIONS = {"validation_share": 0.1, "seed": 0, "stratify": "none"}


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


def order(team: str, source: str, kind: str, options: dict[str, Any], files: int) -> list[str]:
    """Files that a worker is to make; their ids."""
    names = [f"{kind}-{number}.jsonl" for number in range(files)]
    with transaction() as session:
        ordered = deriving.order(
            session,
            team_id=team,
            source_id=source,
            kind=kind,
            options=options,
            filenames=names,
            format=options.get("to"),
        )
        return [file.id for file in ordered]


def uploaded(team: str, content: bytes) -> str:
    """A file that is to be checked; its id."""
    with transaction() as session:
        file = create_result_file(session, team, "big.jsonl", content)
        file.purpose, file.status = Purpose.FINE_TUNE.value, FileStatus.UPLOADED
        schedule(session, CHECK, file.id)
        return file.id


def statuses(file_ids: list[str]) -> Counter[str]:
    """How many files are how far."""
    with transaction() as session:
        return Counter(session.scalars(select(File.status).where(File.id.in_(file_ids))))


def let_the_hour_pass() -> None:
    """After which contents that nothing came to name are deleted."""
    hands.make_due(storage.REAP)
    hands.run_due()


def forget_wakes() -> None:
    """Let the sweep send wake-ups again at once, not after the pause it usually makes."""
    with transaction() as session:
        session.execute(update(WorkItem).values(woken_at=None))


def test_an_api_killed_in_mid_upload_leaves_nothing(api: Api, quiet_team: TeamHandle) -> None:
    upload = quiet_team.sdk.uploads.create(
        filename="a.jsonl", purpose="fine-tune", bytes=2**22, mime_type="text/jsonl"
    )
    before, killed = contents(), Event()

    def send(path: str, field: bytes) -> None:
        def body() -> Iterator[bytes]:
            yield b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.jsonl"\r\n\r\n' % field
            yield b"x" * 2**21
            killed.wait()
            yield b"x" * 2**21

        with pytest.raises(httpx2.TransportError):
            quiet_team.http.post(
                path, content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
            )

    with ThreadPoolExecutor(2) as senders:
        whole = senders.submit(send, "/v1/files", b"file")
        part = senders.submit(send, f"/v1/uploads/{upload.id}/parts", b"data")
        wait_until(lambda: len(contents() - before) == 2)
        api.kill()
        killed.set()
        whole.result()
        part.result()
    with transaction() as session:
        assert session.scalars(select(File.id)).all() == []
        assert session.scalars(select(UploadPart.id)).all() == []
    let_the_hour_pass()
    assert contents() == before


def test_a_worker_killed_in_mid_check_and_while_it_makes_files_of_files_leaves_nothing_half_done(
    database: str, worker: Worker
) -> None:
    team = hands.make_team()
    examples = [chat(f"<b>{one}</b>?", f"It is {one}.") for one in range(MADE_OF)]
    source = hands.make_file(team, jsonl(examples))
    checked = uploaded(team, jsonl(chats(100)) * (CHECKED // 100))
    before = contents()
    clean = order(team, source, deriving.CONVERSION, msgspec.to_builtins(Options(clean_html=True)), 1)
    convert = order(team, source, deriving.CONVERSION, msgspec.to_builtins(Options(to="completion")), 1)
    split = order(team, source, deriving.SPLIT, SPLIT_OPTIONS, 2)
    every = [checked, *clean, *convert, *split]
    forget_wakes()
    worker.start()
    wait_until(lambda: leases(CHECK) and leases(deriving.DERIVE) and contents() != before)
    worker.kill()
    assert statuses(every) == {FileStatus.UPLOADED: len(every)}
    forget_wakes()
    worker.start()
    wait_until(lambda: statuses(every) == {FileStatus.PROCESSED: len(every)}, timeout_s=60)
    worker.stop()
    with transaction() as session:
        counts = [(session.get_one(File, one).report or {})["examples"] for one in every]
        named = {key for keys in session.scalars(select(Content.storage_keys)) for key in keys}
    assert [*counts[:3], sum(counts[3:])] == [CHECKED, MADE_OF, MADE_OF, MADE_OF]
    let_the_hour_pass()
    assert contents() - before == named

"""Files in the database and in storage: kept once, kept while needed, removed at the end."""

import hashlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.core import storage, turns, work
from service.core.db import transaction
from service.errors import Conflict, NotFound
from service.files import actions, copies, queries
from service.files.tables import Content, File
from service.teams.actions import create_team
from tests.dataset.examples import chats, jsonl
from tests.files.storing import contents, copies_of
from worker.run import run_step
from worker.steps import STEPS

OURS = (actions.CHECK, actions.EXPIRE, storage.REAP)


def store(team_id: str, data: bytes, *, expires_after: timedelta | None = None) -> File:
    """A file, as the route would make it."""
    with transaction() as session:
        key = storage.announce(session)
    writer = storage.storage().create(key)
    writer.write(data)
    writer.close()
    with transaction() as session:
        return actions.create_file(
            session,
            team_id=team_id,
            filename="train.jsonl",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            storage_keys=[key],
            expires_after=expires_after,
        )


def delete(file: File) -> None:
    with transaction() as session:
        actions.delete_file(session, file.team_id, file.id)


def content_of(file: File) -> Content | None:
    with transaction() as session:
        return queries.find_content(session, file)


def do_all_due() -> None:
    """Do every unit of work that is due, as a worker would."""
    while True:
        with transaction() as session:
            session.execute(update(work.WorkItem).values(woken_at=None))
            names = [name for name in turns.due(session, 100) if name[0] in OURS]
        if not names:
            return
        for kind, subject_id in names:
            run_step(kind, subject_id)


def test_the_same_bytes_are_kept_once_until_the_last_file_goes(team_id: str) -> None:
    before = contents()
    first, second = store(team_id, b"same"), store(team_id, b"same")
    do_all_due()
    assert len(contents() - before) == 1
    delete(first)
    do_all_due()
    content = content_of(second)
    assert content is not None
    assert b"".join(queries.stream(content)) == b"same"
    delete(second)
    do_all_due()
    assert contents() == before


def test_two_teams_never_share_bytes(team_id: str) -> None:
    with transaction() as session:
        other = create_team(session, name="Other", slug="other", labels={}).id
    mine, theirs = content_of(store(team_id, b"same")), content_of(store(other, b"same"))
    assert mine is not None
    assert theirs is not None
    assert mine.storage_keys != theirs.storage_keys


def test_a_deleted_file_keeps_its_row_and_hash(team_id: str) -> None:
    file = store(team_id, b"x")
    delete(file)
    with transaction() as session:
        row = session.get_one(File, file.id)
        assert (row.sha256, row.deleted_at is not None) == (hashlib.sha256(b"x").hexdigest(), True)


def test_a_file_in_use_cannot_be_deleted(team_id: str) -> None:
    file = store(team_id, b"x")
    with transaction() as session:
        actions.mark_used(session, file.id, used_by="ftjob-1")
    with pytest.raises(Conflict, match="ftjob-1"):
        delete(file)
    with transaction() as session:
        actions.unmark_used(session, file_id=file.id, used_by="ftjob-1")
    delete(file)


def test_a_deleted_file_cannot_be_used(team_id: str) -> None:
    file = store(team_id, b"x")
    delete(file)
    with pytest.raises(NotFound), transaction() as session:
        actions.mark_used(session, file.id, used_by="ftjob-1")


def test_bytes_survive_a_deletion_that_races_with_a_new_file(team_id: str) -> None:
    for round_ in range(10):
        data = f"round {round_}".encode()
        old = store(team_id, data)
        started = threading.Barrier(2)
        made: list[File] = []

        def make(data: bytes = data, started: threading.Barrier = started, made: list[File] = made) -> None:
            started.wait()
            made.append(store(team_id, data))

        thread = threading.Thread(target=make)
        thread.start()
        started.wait()
        delete(old)
        thread.join()
        do_all_due()
        content = content_of(made[0])
        assert content is not None
        assert b"".join(queries.stream(content)) == data


def test_a_content_that_was_never_finished_is_removed(team_id: str) -> None:
    before = contents()
    with transaction() as session:
        key = storage.announce(session)
    writer = storage.storage().create(key)
    writer.write(b"half")
    writer.abort()
    do_all_due()
    assert contents() - before == {key}
    with transaction() as session:
        storage.abandon(session, key)
    do_all_due()
    assert contents() == before


def test_a_content_that_is_being_removed_cannot_be_kept(team_id: str) -> None:
    with transaction() as session:
        key = storage.announce(session)
        storage.abandon(session, key)
    with transaction() as session:
        assert work.claim(session, storage.REAP, key, timedelta(seconds=60))
    with pytest.raises(Conflict), transaction() as session:
        actions.create_file(
            session, team_id=team_id, filename="a", size_bytes=1, sha256="00", storage_keys=[key]
        )


def test_a_file_is_deleted_when_its_time_is_over(team_id: str) -> None:
    before = contents()
    file = store(team_id, b"x", expires_after=timedelta(hours=1))
    do_all_due()
    assert content_of(file) is not None
    with transaction() as session:
        work.hasten(session, actions.EXPIRE, file.id)
    do_all_due()
    assert contents() == before


def test_a_check_taken_over_by_another_worker_is_recorded_once(team_id: str) -> None:
    file = store(team_id, jsonl(chats(10)))
    with transaction() as session:
        late = work.claim(session, actions.CHECK, file.id, timedelta(0))
    assert late is not None
    do_all_due()
    with pytest.raises(work.LeaseLost):
        STEPS[actions.CHECK](late)
    with transaction() as session:
        assert session.get_one(File, file.id).status == "processed"


def test_a_file_that_takes_every_worker_down_is_given_up(team_id: str) -> None:
    file = store(team_id, jsonl(chats(10)))
    with transaction() as session:
        for _ in range(6):
            lease = work.claim(session, actions.CHECK, file.id, timedelta(0))
            session.execute(update(work.WorkItem).values(leased_until=None))
    assert lease is not None
    STEPS[actions.CHECK](lease)
    with transaction() as session:
        assert session.get_one(File, file.id).status == "error"


def test_a_file_deleted_during_its_check_ends_the_check(team_id: str) -> None:
    file = store(team_id, jsonl(chats(10)))
    with transaction() as session:
        lease = work.claim(session, actions.CHECK, file.id, timedelta(seconds=60))
    assert lease is not None
    delete(file)
    STEPS[actions.CHECK](lease)
    with transaction() as session:
        assert session.get(work.WorkItem, (actions.CHECK, file.id)) is None


def test_result_files_are_there_at_once_and_go_without_a_trace(team_id: str) -> None:
    before = contents()
    with transaction() as session:
        file = actions.create_result_file(session, team_id, "step_metrics.csv", b"step,loss\n")
    content = content_of(file)
    assert content is not None
    assert (file.status, b"".join(queries.stream(content))) == ("processed", b"step,loss\n")
    delete(file)
    assert content_of(file) is None
    assert contents() == before


def test_a_content_is_copied_to_a_provider_once(team_id: str) -> None:
    first, second = store(team_id, b"same"), store(team_id, b"same")
    with transaction() as session:
        assert copies.find_copy(session, first, "openai") is None
        copies.record_copy(session, first, "openai", "file-theirs-1")
        assert (
            copies.record_copy(session, second, "openai", "file-theirs-2").provider_file_id == "file-theirs-1"
        )
    with transaction() as session:
        (copy,) = copies_of(session, second)
        copies.forget_copy(session, copy)
    with transaction() as session:
        assert copies_of(session, first) == []

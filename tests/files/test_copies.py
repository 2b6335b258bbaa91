"""A content is copied to a provider once, however many jobs ask, and whenever they do."""

import pytest
from openai import OpenAI

from service.core import work
from service.core.db import transaction
from service.files.copies import record_copy
from service.files.tables import File
from service.jobs.kinds import COPY_FILE
from service.jobs.upstream.provider_files import CopyName
from service.providers.openai_wire import OpenAIWire
from tests.jobs import hands
from tests.support.data import chat_file
from tests.support.trainer_process import TrainerProcess
from worker.run import run_step


@pytest.fixture
def calm(trainer: TrainerProcess, providers_environment: object, database: str) -> TrainerProcess:
    """The trainer with its clock stopped, and steps done by hand."""
    trainer.control.stop_clock()
    return trainer


def copies(upstream: OpenAI, name: str) -> set[str]:
    """The files at the provider that hold the content."""
    return {file.id for file in upstream.files.list(purpose="fine-tune") if file.filename == name}


@pytest.mark.usefixtures("calm")
def test_a_job_that_asks_while_the_copy_is_made_has_no_second_one_made(
    upstream: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = hands.make_team()
    file_id = hands.make_file(team, chat_file(topic="copies"))
    with transaction() as session:
        name = CopyName("trainer", team, session.get_one(File, file_id).sha256)
    first = hands.make_job(team, file_id)
    hands.step(first)
    send = OpenAIWire.upload_file

    def while_another_asks(self: OpenAIWire, filename: str, content: object) -> str:
        hands.step(hands.make_job(team, file_id))
        return send(self, filename, content)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenAIWire, "upload_file", while_another_asks)
    run_step(COPY_FILE, work.subject_id_of(name._asdict()))
    monkeypatch.undo()
    hands.run_due()
    assert len(copies(upstream, name.filename)) == 1
    assert hands.look(first).provider_job_id is not None


@pytest.mark.usefixtures("calm")
def test_of_two_copies_the_later_is_deleted_at_the_provider(upstream: OpenAI) -> None:
    team = hands.make_team()
    file_id = hands.make_file(team, chat_file(topic="doubles"))
    with transaction() as session:
        name = CopyName("trainer", team, session.get_one(File, file_id).sha256)
        work.schedule(session, COPY_FILE, name._asdict())
    run_step(COPY_FILE, work.subject_id_of(name._asdict()))
    (kept,) = copies(upstream, name.filename)
    second = upstream.files.create(file=(name.filename, chat_file()), purpose="fine-tune").id
    with transaction() as session:
        record_copy(session, session.get_one(File, file_id), "trainer", second)
    hands.run_due()
    assert copies(upstream, name.filename) == {kept}

"""A job whose training and validation files share rows gets a warning."""

from sqlalchemy import select

from service.core.db import transaction
from service.events.tables import Event
from service.files.tables import File, FileStatus
from tests.dataset.examples import chats, jsonl
from tests.files.storing import send
from tests.jobs import hands
from tests.support.service import TeamHandle

TRAINING, VALIDATION = jsonl(chats(30)), jsonl(chats(42)[28:])
SHARED = "2 training examples are also in the validation file"
NAMED = "lines 29, 30 of"


def said(job_id: str) -> list[str]:
    """The warnings in a job's log."""
    with transaction() as session:
        found = select(Event.message).where(Event.subject_id == job_id, Event.level == "warn")
        return list(session.scalars(found))


def test_an_estimate_tells_which_rows_are_shared(team: TeamHandle) -> None:
    asked = {"model": "sandbox-mini", "training_file": send(team.sdk, TRAINING).id}
    validation = send(team.sdk, VALIDATION, "valid.jsonl").id
    estimate = team.http.post(
        "/v1/fine_tuning/estimates", json=asked | {"validation_file": validation}
    ).json()
    (warning,) = estimate["warnings"]
    assert SHARED in warning
    assert NAMED in warning
    assert team.http.post("/v1/fine_tuning/estimates", json=asked).json()["warnings"] == []


def test_a_jobs_log_tells_too(providers_environment: object, database: str) -> None:
    team = hands.make_team()
    training, validation = hands.make_file(team, TRAINING), hands.make_file(team, VALIDATION)
    (warning,) = said(hands.make_job(team, training, validation_file=validation))
    assert SHARED in warning
    assert said(hands.make_job(team, training)) == []


def test_it_tells_once_files_are_checked_that_were_not_when_the_job_was_made(
    providers_environment: object, database: str
) -> None:
    team = hands.make_team()
    training, validation = hands.make_file(team, TRAINING), hands.make_file(team, VALIDATION)
    with transaction() as session:
        session.get_one(File, validation).status = FileStatus.UPLOADED
    job = hands.make_job(team, training, validation_file=validation)
    assert said(job) == []
    with transaction() as session:
        session.get_one(File, validation).status = FileStatus.PROCESSED
    hands.step(job)
    (warning,) = said(job)
    assert SHARED in warning

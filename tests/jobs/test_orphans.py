"""What lies at a provider with our stamp and without a row of ours."""

import time
from datetime import timedelta

from openai import OpenAI
from sqlalchemy import select

from service.core import work
from service.core.db import transaction
from service.events.tables import Event
from service.jobs.kinds import SWEEP_PROVIDER
from service.jobs.tables import Orphan
from service.jobs.upstream.orphans import order_sweeps
from service.jobs.upstream.provider_files import owner_mark
from tests.jobs import hands
from tests.support.data import chat_file
from tests.support.trainer_process import TrainerProcess
from worker.run import run_step


def sweep() -> None:
    with transaction() as session:
        work.schedule(session, SWEEP_PROVIDER, "trainer")
    run_step(SWEEP_PROVIDER, "trainer")


def found() -> dict[str, str]:
    with transaction() as session:
        return {row.provider_object_id: row.outcome for row in session.scalars(select(Orphan))}


def stamped(upstream: OpenAI, job_id: str, name: str = "stray.jsonl") -> str:
    """A job at the provider that carries the stamp, made behind our back."""
    file = upstream.files.create(file=(name, chat_file()), purpose="fine-tune")
    made = upstream.fine_tuning.jobs.create(
        model="sandbox-mini", training_file=file.id, metadata={"tunehouse_job": job_id}
    )
    return made.id


def status_at(upstream: OpenAI, provider_job_id: str) -> str:
    return upstream.fine_tuning.jobs.retrieve(provider_job_id).status


def test_a_second_job_for_one_of_ours_is_cancelled_and_told(
    providers_environment: object, database: str, calm: TrainerProcess, upstream: OpenAI
) -> None:
    team = hands.make_team()
    job = hands.make_job(team, hands.make_file(team))
    hands.run_due()
    double = stamped(upstream, job)
    sweep()
    assert status_at(upstream, double) == "cancelled"
    assert status_at(upstream, str(hands.look(job).provider_job_id)) != "cancelled"
    assert found()[double] == "cancelled"
    sweep()
    with transaction() as session:
        told = select(Event).where(Event.subject_id == job, Event.message.contains("second job"))
        assert len(session.scalars(told).all()) == 1


def test_a_job_that_no_row_knows_is_reported_and_left_alone(
    providers_environment: object, database: str, calm: TrainerProcess, upstream: OpenAI
) -> None:
    stranger = stamped(upstream, "ftjob-of-another-installation")
    sweep()
    assert status_at(upstream, stranger) != "cancelled"
    assert found()[stranger] == "reported"


def test_a_job_that_appears_after_ours_has_ended_is_cancelled(
    providers_environment: object, database: str, calm: TrainerProcess, upstream: OpenAI
) -> None:
    team = hands.make_team()
    job = hands.make_job(team, hands.make_file(team))
    hands.ask(job, "cancel")
    late = stamped(upstream, job)
    sweep()
    assert found()[late] == "cancelled"


def test_a_job_whose_answer_was_lost_is_left_to_its_own_step(
    providers_environment: object, database: str, calm: TrainerProcess, upstream: OpenAI
) -> None:
    team = hands.make_team()
    job = hands.make_job(team, hands.make_file(team))
    calm.control.fault("drop_after", method="POST", path="/v1/fine_tuning/jobs")
    hands.run_due()
    assert hands.look(job).provider_job_id is None
    sweep()
    own = {made.id for made in upstream.fine_tuning.jobs.list(metadata={"tunehouse_job": job})}
    assert len(own) == 1
    assert own.isdisjoint(found())
    hands.step(job)
    assert hands.look(job).provider_job_id is not None


def test_a_forgotten_copy_of_ours_is_deleted_and_a_young_or_foreign_one_is_not(
    providers_environment: object, database: str, calm: TrainerProcess, upstream: OpenAI
) -> None:
    team = hands.make_team()

    def put(name: str) -> str:
        return upstream.files.create(file=(name, chat_file()), purpose="fine-tune").id

    young = put(f"{owner_mark(team)}young.jsonl")
    calm.control.stop_clock(time.time() - 3600)
    forgotten = put(f"{owner_mark(team)}forgotten.jsonl")
    foreign = put("tunehouse-0123456789ab-foreign.jsonl")
    job = hands.make_job(team, hands.make_file(team))
    hands.run_due()
    known = hands.look(job).provider_training_file
    sweep()
    there = {file.id for file in upstream.files.list()}
    assert forgotten not in there
    assert {young, foreign, known} <= there


def test_a_provider_is_swept_by_one_of_many_workers_and_not_too_often(
    providers_environment: object, database: str
) -> None:
    with transaction() as session:
        ordered = [order_sweeps(session, ["trainer"], timedelta(minutes=10)) for _ in range(3)]
    assert ordered == [1, 0, 0]
    with transaction() as session:
        assert order_sweeps(session, ["trainer"], timedelta(0)) == 1

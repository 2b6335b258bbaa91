"""What a provider refuses for now, or for good: found out once, known to all."""

from datetime import timedelta

import pytest
from openai import OpenAI
from sqlalchemy import select

from service.core import clock
from service.core.db import transaction
from service.errors import TrainingNotAvailable
from service.events.tables import Event
from service.files.tables import File
from service.jobs.blocks import BlockKind, block_on
from service.jobs.queue import places
from service.jobs.tables import Job, ProviderBlock
from service.ledger.tables import HoldRow
from tests.files.storing import copies_of
from tests.jobs import hands
from tests.jobs.conftest import Configure
from tests.support.trainer_process import TrainerProcess

CREATE = {"method": "POST", "path": "/v1/fine_tuning/jobs"}
pytestmark = pytest.mark.usefixtures("configure")


def block(kind: BlockKind) -> ProviderBlock | None:
    with transaction() as session:
        return block_on(session, "trainer", "sandbox-mini", (kind,))


def waiting_for(job_id: str) -> str | None:
    with transaction() as session:
        place = places(session, [session.get_one(Job, job_id)]).get(job_id)
    return place.reason if place else None


def log_of(job_id: str) -> list[str]:
    with transaction() as session:
        lines = select(Event.message).where(Event.subject_id == job_id).order_by(Event.number)
        return list(session.scalars(lines))


def test_a_wound_down_provider_ends_all_that_waits_at_once_and_gives_the_copies_back(
    trainer: TrainerProcess, upstream: OpenAI, configure: Configure
) -> None:
    configure(job_limits={"*": {"concurrent": 1}})
    team, other = hands.make_team(), hands.make_team()
    data, other_data = hands.make_file(team), hands.make_file(other)
    trainer.control.limits(wind_down=True)
    jobs = [hands.make_job(team, data) for _ in range(3)] + [hands.make_job(other, other_data)]
    before = {file.id for file in upstream.files.list()}
    trainer.control.forget_requests()
    hands.run_due()
    assert {hands.look(job_id).status for job_id in jobs} == {"failed"}
    assert {(hands.look(job_id).error or {})["code"] for job_id in jobs} == {"training_not_available"}
    assert trainer.control.requests()["POST /v1/fine_tuning/jobs"] == 1
    assert {file.id for file in upstream.files.list()} <= before
    with transaction() as session:
        assert session.scalars(select(HoldRow)).all() == []
        assert copies_of(session, session.get_one(File, data)) == []
    with pytest.raises(TrainingNotAvailable):
        hands.make_job(team, data)


def test_another_account_at_the_provider_is_asked_again(
    trainer: TrainerProcess, configure: Configure
) -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    trainer.control.limits(wind_down=True)
    hands.make_job(team, data)
    hands.run_due()
    assert block(BlockKind.WOUND_DOWN) is not None
    configure(api_key="another-key")
    assert block(BlockKind.WOUND_DOWN) is None


def test_a_met_limit_per_day_keeps_the_rest_of_the_queue_for_tomorrow(
    calm: TrainerProcess,
) -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    calm.control.limits(jobs_per_day={"*": 0})
    jobs = [hands.make_job(team, data) for _ in range(3)]
    calm.control.forget_requests()
    hands.run_due()
    assert calm.control.requests()["POST /v1/fine_tuning/jobs"] == 1
    assert {hands.look(job_id).status for job_id in jobs} == {"queued"}
    assert {waiting_for(job_id) for job_id in jobs} == {"daily"}
    assert (
        sum("maximum of 0 fine-tuning requests per day" in line for job in jobs for line in log_of(job)) == 1
    )
    met = block(BlockKind.DAILY)
    assert met is not None and met.until is not None
    assert timedelta(hours=23) < met.until - clock.now() <= timedelta(days=1)


def test_after_the_limit_per_day_the_jobs_are_sent(calm: TrainerProcess) -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    calm.control.limits(jobs_per_day={"*": 0})
    job = hands.make_job(team, data)
    hands.run_due()
    calm.control.limits()
    with transaction() as session:
        session.scalars(select(ProviderBlock)).one().until = clock.now()
    hands.step(job)
    assert hands.look(job).provider_job_id is not None


def test_without_credit_jobs_wait_and_say_so(calm: TrainerProcess) -> None:
    team = hands.make_team()
    job = hands.make_job(team, hands.make_file(team))
    calm.control.fault("status", status=429, code="insufficient_quota", type="insufficient_quota", **CREATE)
    hands.run_due()
    assert hands.look(job).intended_at is None
    assert waiting_for(job) == "quota"


def test_too_many_requests_keep_every_worker_away_for_a_moment(calm: TrainerProcess) -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    first = hands.make_job(team, data)
    hands.run_due()
    calm.control.fault(
        "status", method="GET", path="/v1/fine_tuning/jobs/[^/]+", status=429, headers={"retry-after": "30"}
    )
    hands.step(first)
    assert block(BlockKind.RATE) is not None
    second = hands.make_job(team, data)
    calm.control.forget_requests()
    hands.step(first)
    hands.run_due()
    assert not any("fine_tuning" in request for request in calm.control.requests())
    assert waiting_for(second) == "rate"


def test_a_job_that_surely_was_not_sent_can_be_cancelled_at_once(calm: TrainerProcess) -> None:
    team = hands.make_team()
    job = hands.make_job(team, hands.make_file(team))
    calm.control.limits(jobs_per_day={"*": 0})
    hands.run_due()
    hands.ask(job, "cancel")
    assert hands.look(job).status == "cancelled"


def test_deleting_a_file_deletes_its_copy_at_the_provider(calm: TrainerProcess, upstream: OpenAI) -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    job = hands.make_job(team, data)
    hands.run_due()
    copied = hands.look(job).provider_training_file
    assert copied in {file.id for file in upstream.files.list()}
    hands.ask(job, "cancel")
    hands.run_due()
    hands.delete_file(team, data)
    hands.run_due()
    assert copied not in {file.id for file in upstream.files.list()}

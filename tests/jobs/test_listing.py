"""Many jobs at one provider: its listing shows which of them to ask for."""

from datetime import timedelta

import pytest

from service.core import clock, work
from service.core.db import transaction
from service.core.work import WorkItem
from service.jobs import polling
from service.jobs.kinds import ADVANCE_JOB, LIST_JOBS
from service.jobs.tables import Job
from service.jobs.upstream.listing import order_listings
from tests.jobs import hands
from tests.support.trainer_process import TrainerProcess
from worker.run import run_step

QUIETLY_S = 3600


def sent_jobs(many: int) -> list[str]:
    team = hands.make_team()
    file = hands.make_file(team)
    jobs = [hands.make_job(team, file) for _ in range(many)]
    hands.run_due()
    hands.wait_for_work(ADVANCE_JOB, QUIETLY_S)
    return jobs


def order() -> int:
    with transaction() as session:
        return order_listings(session, ["trainer"])


def test_a_listing_wakes_the_jobs_whose_status_has_changed_and_no_others(
    providers_environment: object,
    database: str,
    calm: TrainerProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "LISTED_FROM", 3)
    jobs = sent_jobs(3)
    assert order() == 1
    assert order() == 0  # it is scheduled already
    calm.control.change_job(
        str(hands.look(jobs[1]).provider_job_id),
        failure={"code": "oom", "message": "Out of memory.", "param": None},
    )
    calm.control.forget_requests()
    run_step(LIST_JOBS, "trainer")
    assert [key for key in hands.due() if key[0] == ADVANCE_JOB] == [(ADVANCE_JOB, jobs[1])]
    assert sum(calm.control.requests().values()) == 1
    hands.run_due()
    assert [hands.look(job).status for job in jobs].count("failed") == 1


def test_a_listing_leaves_a_job_alone_whose_last_step_has_failed(
    providers_environment: object,
    database: str,
    calm: TrainerProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "LISTED_FROM", 1)
    (job,) = sent_jobs(1)
    with transaction() as session:
        session.get_one(WorkItem, (ADVANCE_JOB, job)).attempts = 1
    calm.control.change_job(
        str(hands.look(job).provider_job_id),
        failure={"code": "oom", "message": "Out of memory.", "param": None},
    )
    order()
    run_step(LIST_JOBS, "trainer")
    assert (ADVANCE_JOB, job) not in hands.due()


def test_no_listing_is_read_for_few_jobs(
    providers_environment: object, database: str, calm: TrainerProcess
) -> None:
    sent_jobs(1)
    assert order() == 0
    with transaction() as session:
        work.schedule(session, LIST_JOBS, "trainer")
    run_step(LIST_JOBS, "trainer")
    with transaction() as session:
        assert session.get(WorkItem, (LIST_JOBS, "trainer")) is None


def test_jobs_that_wait_are_asked_for_soon_once_they_are_too_few_for_a_listing(
    providers_environment: object,
    database: str,
    calm: TrainerProcess,
) -> None:
    (job,) = sent_jobs(1)
    with transaction() as session:
        session.get_one(Job, job).status = "queued"
        work.schedule(session, LIST_JOBS, "trainer")
    run_step(LIST_JOBS, "trainer")
    with transaction() as session:
        left = session.get_one(WorkItem, (ADVANCE_JOB, job)).next_step_at - clock.now()
    assert left < timedelta(minutes=1)

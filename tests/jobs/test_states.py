"""The life of a job, as a pure matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.polling import CALLS_PER_POLL, JOBS_PER_PAGE, listing_pause_s, paced_s, pause_s, spread_s
from service.jobs.states import (
    ALLOWED,
    TERMINAL,
    Facts,
    JobStatus,
    JobStep,
    RequestedAction,
    next_step,
    status_from,
)

FACTS = st.builds(
    Facts,
    status=st.sampled_from(JobStatus),
    admitted=st.booleans(),
    files_copied=st.booleans(),
    queued=st.booleans(),
    create_intended=st.booleans(),
    created=st.booleans(),
    requested=st.one_of(st.none(), st.sampled_from(RequestedAction)),
)


def facts(**known: object) -> Facts:
    new: dict[str, object] = {
        "status": JobStatus.VALIDATING_FILES,
        "admitted": False,
        "files_copied": False,
        "queued": False,
        "create_intended": False,
        "created": False,
        "requested": None,
    }
    return Facts(**(new | known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "step"),
    [
        ({}, JobStep.ADMIT),
        ({"admitted": True}, JobStep.COPY_FILES),
        ({"admitted": True, "files_copied": True}, JobStep.QUEUE),
        ({"admitted": True, "files_copied": True, "queued": True}, JobStep.CREATE),
        (
            {"admitted": True, "files_copied": True, "requested": RequestedAction.CANCEL},
            JobStep.CANCEL_UNSENT,
        ),
        (
            {
                "admitted": True,
                "files_copied": True,
                "create_intended": True,
                "requested": RequestedAction.CANCEL,
            },
            JobStep.CREATE,
        ),
        ({"created": True, "create_intended": True}, JobStep.FOLLOW),
        (
            {"created": True, "create_intended": True, "requested": RequestedAction.PAUSE},
            JobStep.REQUEST_ACTION,
        ),
        ({"status": JobStatus.FAILED, "created": True}, JobStep.NOTHING),
    ],
)
def test_the_next_step_follows_from_the_facts(known: dict[str, object], step: JobStep) -> None:
    assert next_step(facts(**known)) is step


@given(FACTS)
def test_a_job_whose_create_may_be_on_its_way_is_never_ended_unseen(job: Facts) -> None:
    if job.create_intended or job.created:
        assert next_step(job) is not JobStep.CANCEL_UNSENT


@given(FACTS)
def test_only_an_ended_job_has_nothing_left_to_do(job: Facts) -> None:
    assert (next_step(job) is JobStep.NOTHING) == (job.status in TERMINAL)


def test_an_ended_job_takes_no_requests() -> None:
    assert not any(states & TERMINAL for states in ALLOWED.values())


def test_an_unknown_word_of_the_provider_changes_nothing() -> None:
    assert status_from("pondering", JobStatus.RUNNING) is JobStatus.RUNNING


def test_checks_at_the_provider_do_not_take_a_queued_job_back() -> None:
    assert status_from("validating_files", JobStatus.QUEUED) is JobStatus.QUEUED


@given(st.sampled_from(JobStatus), st.floats(0, 1e9), st.one_of(st.none(), st.floats(-1e9, 1e9)))
def test_polling_stays_between_a_second_and_the_longest_pause(
    status: JobStatus, quiet_s: float, left_s: float | None
) -> None:
    assert 1.0 <= pause_s(status, quiet_s, left_s, 20.0) <= 20.0


def test_polling_is_fast_when_young_and_near_the_end_and_slow_in_between() -> None:
    assert pause_s(JobStatus.RUNNING, 5, None, 300) == 1.0
    assert pause_s(JobStatus.RUNNING, 2000, 3600, 300) == 100.0
    assert pause_s(JobStatus.RUNNING, 2000, 30, 300) == 15.0
    assert pause_s(JobStatus.RUNNING, 2000, -5, 300) == 1.0
    assert pause_s(JobStatus.QUEUED, 2000, None, 300) == 200.0


def test_ten_thousand_jobs_together_stay_within_the_calls_that_are_allowed() -> None:
    assert 10_000 * CALLS_PER_POLL / spread_s(10_000, 600) == pytest.approx(600 / 60)


@given(st.integers(100, 10_000), st.integers(0, 10_000), st.integers(60, 6_000))
def test_listings_and_the_polls_of_active_jobs_together_stay_within_the_calls_that_are_allowed(
    living: int, active: int, allowed: int
) -> None:
    active = min(active, living)
    listings = -(-living // JOBS_PER_PAGE) * 60 / listing_pause_s(living, allowed)
    polls = active * CALLS_PER_POLL * 60 / paced_s(JobStatus.RUNNING, 1.0, living, active, allowed)
    assert listings + polls <= allowed * 1.001


def test_the_status_of_each_of_ten_thousand_jobs_is_read_within_two_minutes_by_default() -> None:
    assert listing_pause_s(10_000, 600) <= 120

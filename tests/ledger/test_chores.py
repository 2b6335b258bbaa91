"""Chores end stale holds, reschedule forgotten jobs, and run even if another chore fails."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from service.core.db import transaction
from service.core.work import WorkItem
from service.jobs.kinds import ADVANCE_JOB
from service.ledger.actions import place_hold
from service.ledger.tables import HoldRow
from tests.ledger.make import make_job, team
from worker.chores import CHORES, Chore, ChoreList

DO = {chore.name: chore.do for chore in CHORES}


def holds() -> set[str]:
    """The subjects of all open holds."""
    with transaction() as session:
        return set(session.scalars(select(HoldRow.subject_id)))


@pytest.mark.usefixtures("database")
def test_a_hold_whose_job_has_ended_or_never_was_is_released_and_that_of_a_living_job_stays() -> None:
    with transaction() as session:
        one = team(session)
        place_hold(session, team_id=one, subject_id="ftjob-never-was", amount_usd=Decimal(1))
        place_hold(
            session,
            team_id=one,
            subject_id="chatcmpl-1",
            amount_usd=Decimal(1),
            expires_in=timedelta(hours=1),
        )
        make_job(session, one, "ftjob-living", status="running")
        make_job(session, one, "ftjob-ended", status="succeeded")
    assert DO["release_orphaned_holds"]() == 2
    assert holds() == {"ftjob-living", "chatcmpl-1"}
    assert DO["release_orphaned_holds"]() == 0


@pytest.mark.usefixtures("database")
def test_a_hold_whose_process_died_goes_when_it_expires() -> None:
    with transaction() as session:
        one = team(session)
        for subject, minutes in (("late", -1), ("early", 1)):
            lasts = timedelta(minutes=minutes)
            place_hold(session, team_id=one, subject_id=subject, amount_usd=Decimal(1), expires_in=lasts)
    assert DO["end_expired_holds"]() == 1
    assert holds() == {"early"}


@pytest.mark.usefixtures("database")
def test_a_living_job_without_a_unit_of_work_gets_one() -> None:
    with transaction() as session:
        one = team(session)
        make_job(session, one, "ftjob-forgotten", status="queued")
        make_job(session, one, "ftjob-ended", status="cancelled")
    assert DO["revive_jobs"]() == 1
    assert DO["revive_jobs"]() == 0
    with transaction() as session:
        assert session.scalars(select(WorkItem.subject_id).where(WorkItem.kind == ADVANCE_JOB)).all() == [
            "ftjob-forgotten"
        ]
        session.execute(delete(WorkItem))


def test_a_chore_that_fails_stops_no_other_and_comes_again() -> None:
    done: list[str] = []

    def fail() -> int:
        done.append("failing")
        raise ValueError("a bug")

    def work() -> int:
        done.append("fine")
        return 1

    chores = ChoreList([Chore("failing", 0, fail), Chore("fine", 0, work)])
    chores.run_due()
    chores.run_due()
    assert done == ["failing", "fine", "failing", "fine"]


def test_a_chore_is_not_done_before_its_time() -> None:
    def work() -> int:
        raise AssertionError("too early")

    ChoreList([Chore("later", 60, work)]).run_due()

"""Due work is taken by turns: no team's backlog holds up another's, and none has more than its part."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from service.core import turns, work
from service.core.db import transaction
from service.core.work import Lease, WorkItem

pytestmark = pytest.mark.usefixtures("database")

MINUTE = timedelta(minutes=1)
AGES = {"busy": 60, "quiet": 20, "other": 10}  # minutes since the work of each team became due


def backlog(**counts: int) -> None:
    """So many due units of each team; those of "own" are the service's."""
    with transaction() as session:
        for team, count in counts.items():
            for number in range(count):
                work.schedule(session, "test", f"{team}-{number}", team_id=None if team == "own" else team)
        for team, minutes in AGES.items():
            due = update(WorkItem).where(WorkItem.team_id == team)
            session.execute(due.values(next_step_at=func.now() - minutes * MINUTE, woken_at=None))


def claim(limit: int, most_of_a_team: int = 99, running: dict[str, int] | None = None) -> list[Lease]:
    with transaction() as session:
        return turns.claim_due(
            session, {"test"}, MINUTE, limit=limit, running=running or {}, most_of_a_team=most_of_a_team
        )


def test_the_sweep_wakes_the_teams_by_turns() -> None:
    backlog(busy=50, quiet=2, other=1)
    with transaction() as session:
        woken = Counter(subject.partition("-")[0] for _, subject in turns.due(session, 6))
    assert woken == {"busy": 3, "quiet": 2, "other": 1}


def test_a_claim_takes_the_teams_by_turns_and_the_oldest_of_each_first() -> None:
    backlog(busy=50, quiet=2)
    assert Counter(lease.team_id for lease in claim(4)) == {"busy": 2, "quiet": 2}
    assert {lease.team_id for lease in claim(4)} == {"busy"}


def test_no_team_is_given_more_than_its_part_with_what_it_runs_already() -> None:
    backlog(busy=50, quiet=5)
    taken = claim(8, most_of_a_team=4, running={"busy": 3})
    assert Counter(lease.team_id for lease in taken) == {"busy": 1, "quiet": 4}
    assert claim(8, most_of_a_team=4, running={"busy": 4, "quiet": 4}) == []


def test_a_team_that_comes_later_does_not_wait_for_the_backlogs_of_two_others() -> None:
    backlog(busy=50, quiet=50, other=1)
    (lease,) = claim(1, running={"busy": 3, "quiet": 4, "": 1})
    assert lease.team_id == "other"


def test_the_services_own_work_has_its_turn_and_no_bound() -> None:
    backlog(busy=50, own=10)
    assert Counter(lease.team_id for lease in claim(6)) == {"busy": 3, None: 3}
    assert {lease.team_id for lease in claim(9, most_of_a_team=1, running={"busy": 1})} == {None}


def test_what_was_claimed_is_not_claimed_again_and_knows_its_attempts() -> None:
    backlog(quiet=1)
    (lease,) = claim(5)
    assert (lease.attempts, lease.team_id) == (1, "quiet")
    assert claim(5) == []
    with transaction() as session:
        work.finish(session, lease)


def test_kinds_that_others_look_after_are_not_woken() -> None:
    backlog(quiet=1)
    with transaction() as session:
        assert turns.due(session, 5, without={"test"}) == []

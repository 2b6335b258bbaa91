"""Units of work: leases, lost wake-ups, takeovers."""

from datetime import timedelta

import pytest

from service.core import turns, work
from service.core.db import transaction
from tests.support.clean import work_left

MINUTE = timedelta(minutes=1)
EXPIRED = timedelta(seconds=-1)


def schedule(delay: timedelta = timedelta(0)) -> None:
    with transaction() as session:
        work.schedule(session, "test", "one", delay=delay)


def claim(lease_for: timedelta = MINUTE) -> work.Lease | None:
    with transaction() as session:
        return work.claim(session, "test", "one", lease_for)


def must_claim(lease_for: timedelta = MINUTE) -> work.Lease:
    lease = claim(lease_for)
    assert lease is not None
    return lease


@pytest.mark.usefixtures("database")
class TestWork:
    def test_is_claimed_by_one_worker_at_a_time(self) -> None:
        schedule()
        assert claim() is not None
        assert claim() is None

    def test_that_is_not_due_yet_cannot_be_claimed(self) -> None:
        schedule(MINUTE)
        assert claim() is None

    def test_is_gone_once_finished_for_good(self) -> None:
        schedule()
        with transaction() as session:
            work.finish(session, must_claim())
        assert work_left() == []

    def test_comes_back_after_the_named_pause(self) -> None:
        schedule()
        with transaction() as session:
            work.finish(session, must_claim(), next_in=timedelta(0))
        assert must_claim().attempts == 1

    def test_of_a_dead_worker_is_taken_over_and_the_dead_ones_record_is_refused(self) -> None:
        schedule()
        dead = must_claim(EXPIRED)
        heir = must_claim()
        assert heir.attempts == 2
        with pytest.raises(work.LeaseLost), transaction() as session:
            work.finish(session, dead)
        with transaction() as session:
            work.finish(session, heir)

    def test_taken_over_cannot_be_confirmed_by_the_worker_that_lost_it(self) -> None:
        schedule()
        dead = must_claim(EXPIRED)
        heir = must_claim()
        with pytest.raises(work.LeaseLost), transaction() as session:
            work.confirm(session, dead)
        with transaction() as session:
            work.confirm(session, heir)

    def test_of_a_dead_worker_is_woken_as_soon_as_its_lease_ends(self) -> None:
        schedule()
        must_claim(EXPIRED)
        with transaction() as session:
            assert turns.due(session, 10) == [("test", "one")]

    def test_scheduled_again_during_a_step_is_due_again_after_it(self) -> None:
        schedule()
        lease = must_claim()
        schedule()
        with transaction() as session:
            work.finish(session, lease)
        assert claim() is not None

    def test_that_failed_waits_and_remembers_why(self) -> None:
        schedule()
        with transaction() as session:
            work.give_back(session, must_claim(), retry_in=timedelta(0), error="no luck")
        assert must_claim().attempts == 2

    def test_overdue_is_found_once_per_rewake_period(self) -> None:
        with transaction() as session:
            work.schedule(session, "test", "one", delay=timedelta(milliseconds=-1))
        with transaction() as session:
            assert turns.due(session, 10) == [("test", "one")]
        with transaction() as session:
            assert turns.due(session, 10) == []

    def test_sooner_wins_when_scheduled_twice(self) -> None:
        schedule(MINUTE)
        schedule()
        assert claim() is not None


@pytest.mark.usefixtures("database")
def test_nothing_is_scheduled_when_the_transaction_fails() -> None:
    def schedule_and_fail() -> None:
        with transaction() as session:
            work.schedule(session, "test", "one")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        schedule_and_fail()
    assert work_left() == []

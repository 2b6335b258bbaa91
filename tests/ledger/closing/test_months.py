"""Months close automatically, once, with an event. Later charges are booked in the current month."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from service.core import clock
from service.core.db import transaction
from service.errors import BudgetExceeded
from service.events.tables import Event
from service.events.types import EventType
from service.ledger.actions import place_hold, settle
from service.ledger.closing.months import is_closed, month_due, present_month
from service.ledger.tables import Entry
from service.settings import settings
from service.teams.tables import Team
from tests.ledger.make import charge, team
from worker.chores import CHORES

CLOSE = next(chore.do for chore in CHORES if chore.name == "close_months")


@pytest.mark.parametrize(
    ("now", "days", "name"),
    [
        ("2026-11-05T23:59:59", 5, "2026-09"),
        ("2026-11-06T00:00:00", 5, "2026-10"),
        ("2027-01-02T00:00:00", 1, "2026-12"),
        ("2026-03-01T00:00:00", 28, "2026-01"),
    ],
)
def test_a_month_is_due_so_many_days_after_its_end(now: str, days: int, name: str) -> None:
    assert month_due(datetime.fromisoformat(now).replace(tzinfo=UTC), days).name == name


@pytest.mark.usefixtures("database")
def test_a_due_month_is_closed_and_told_of_once() -> None:
    month = month_due(clock.now(), settings().month_close_days)
    with transaction() as session:
        old, _ = team(session), team(session)
        session.execute(update(Team).where(Team.id == old).values(created_at=month.start))
    assert CLOSE() == 2
    assert CLOSE() == 0
    with transaction() as session:
        assert is_closed(session, month)
        assert not is_closed(session, present_month())
        told = session.scalars(select(Event).where(Event.type == EventType.MONTH_CLOSED)).all()
        # The other team was created later, so it has no statement for that month.
        assert [(event.team_id, event.data["month"]) for event in told] == [(old, month.name)]


@pytest.mark.usefixtures("database")
def test_what_occurred_in_a_closed_month_is_booked_in_the_open_one() -> None:
    month = month_due(clock.now(), settings().month_close_days)
    last_moment = month.end - timedelta(seconds=1)
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a", occurred_at=last_moment)])
    CLOSE()
    with transaction() as session:
        settle(session, team_id=one, subject_id="b", charges=[charge("b", occurred_at=last_moment)])
        booked = session.scalars(select(Entry.booked_at).order_by(Entry.unique_key)).all()
    assert booked[0] == last_moment
    assert booked[1] >= present_month().start


@pytest.mark.usefixtures("database")
def test_a_team_created_after_the_close_cannot_book_into_the_closed_month() -> None:
    month = month_due(clock.now(), settings().month_close_days)
    with transaction() as session:
        team(session)
    assert CLOSE() == 1
    with transaction() as session:
        late = team(session, limit_usd="0.15")
        session.execute(update(Team).where(Team.id == late).values(created_at=month.start))
        early = charge("a", occurred_at=month.end - timedelta(seconds=1))
        settle(session, team_id=late, subject_id="a", charges=[early])
        entry = session.scalars(select(Entry)).one()
        assert entry.booked_at >= present_month().start
        with pytest.raises(BudgetExceeded):
            place_hold(session, team_id=late, subject_id="b", amount_usd=Decimal("0.10"))


@pytest.mark.usefixtures("database")
def test_a_charge_occurs_between_the_creation_of_its_work_and_now() -> None:
    began = clock.now() - timedelta(minutes=5)
    years = timedelta(days=1000)
    with transaction() as session:
        one = team(session)
        session.execute(update(Team).where(Team.id == one).values(created_at=began - timedelta(days=1)))
        moments = {"early": began - years, "in": began + timedelta(minutes=1), "late": began + years}
        charges = [charge(name, occurred_at=at, began_at=began) for name, at in moments.items()]
        settle(session, team_id=one, subject_id="a", charges=charges)
        found = {row.unique_key: row for row in session.scalars(select(Entry))}
    assert found["early"].occurred_at == began
    assert found["in"].occurred_at == moments["in"]
    assert found["late"].occurred_at == found["late"].recorded_at

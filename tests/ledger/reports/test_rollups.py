"""Daily sums: a report is the same however many entries the sums include."""

import itertools
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from service.core.db import transaction
from service.ledger.actions import settle
from service.ledger.closing.months import month_named
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.rollups.sums import roll_up
from service.ledger.rollups.tables import DaySum, RollupMark
from service.ledger.tables import Entry
from tests.ledger.make import charge, team
from tests.ledger.reports.test_reports import GROUPINGS, charges

NOW = datetime.now(UTC)
_numbers = itertools.count(1)
midnights = st.sampled_from([month_named(f"{NOW.year}-{number:02}").start for number in range(1, 13)])
moments = midnights | st.timedeltas(timedelta(0), timedelta(days=70)).map(lambda ago: NOW - ago)


@pytest.mark.usefixtures("database")
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wanted=st.lists(charges, min_size=1, max_size=15),
    rolled=st.integers(0, 20),
    span=st.none() | st.tuples(moments, moments),
    pair=st.sampled_from(list(itertools.combinations(GROUPINGS, 2))),
)
def test_a_report_is_the_same_however_many_rows_are_in_the_sums(
    wanted: list[dict[str, object]],
    rolled: int,
    span: tuple[datetime, datetime] | None,
    pair: tuple[str, str],
) -> None:
    start, end = (min(span), max(span)) if span else (None, None)
    with transaction() as session:
        one = team(session)
        made = [charge(f"r{next(_numbers)}", **fields) for fields in wanted]  # type: ignore[arg-type]
        settle(session, team_id=one, subject_id="s", charges=made)
        before = cost_report(session, CostScope(one, start, end), pair)
        assert roll_up(session, most=rolled) == min(rolled, len(made))
        assert cost_report(session, CostScope(one, start, end), pair) == before
        assert cost_report(session, CostScope(None, start, end), pair).total_usd == before.total_usd
        rows = select(func.coalesce(func.sum(Entry.amount_usd), 0)).where(Entry.team_id == one)
        if start is not None:
            rows = rows.where(Entry.booked_at >= start, Entry.booked_at < end)
        assert session.scalar(rows) == before.total_usd
        session.rollback()


@pytest.mark.usefixtures("database")
def test_rolling_up_twice_adds_once() -> None:
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="s", charges=[charge("a"), charge("b")])
        assert [roll_up(session), roll_up(session)] == [2, 0]
        sums = session.scalars(select(DaySum)).all()
        assert [(each.entries, each.amount_usd) for each in sums] == [(2, Decimal("0.2"))]


@pytest.mark.usefixtures("database")
def test_sums_are_right_while_others_charge_and_roll_up() -> None:
    with transaction() as session:
        one = team(session)
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(25):
                with transaction() as session:
                    settle(session, team_id=one, subject_id=name, charges=[charge(f"{name}{number}")])
                with transaction() as session:
                    roll_up(session, most=7)
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with transaction() as session:
        assert cost_report(session, CostScope(one), ["day"]).total_usd == 10
        while roll_up(session):
            pass
        assert session.scalar(select(func.sum(DaySum.amount_usd))) == 10
        assert session.scalar(select(RollupMark.number)) == 100

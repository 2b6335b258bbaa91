"""Repeating any step of any sequence changes nothing in the ledger."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from service.core.db import transaction
from service.errors import BudgetExceeded
from service.ledger.actions import place_hold, release_hold, settle
from service.ledger.audit import findings
from service.ledger.budgets.actions import set_budget
from service.ledger.closing.months import close_month, month_named
from service.ledger.queries import budget_view
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.rollups.sums import roll_up
from tests.ledger.make import charge, team

Step = tuple[str, int]
NOW = datetime.now(UTC)
_rounds = itertools.count(1)

steps = st.lists(
    st.tuples(
        st.sampled_from(["hold", "settle", "release", "roll", "key", "close", "limit"]), st.integers(0, 4)
    ),
    max_size=14,
)


def act(session: Session, one: str, mark: str, step: Step) -> None:
    """Do one step. A hold that does not fit is refused every time."""
    name, number = step
    subject = f"{mark}-{number}"
    doing: dict[str, Callable[[], object]] = {
        "hold": lambda: place_hold(
            session, team_id=one, subject_id=subject, amount_usd=Decimal(number) / 10, key_id="key_1"
        ),
        "settle": lambda: settle(
            session,
            team_id=one,
            subject_id=subject,
            charges=[charge(subject, 7_777 * number, key_id="key_1")],
        ),
        "release": lambda: release_hold(session, team_id=one, subject_id=subject),
        "roll": lambda: roll_up(session, most=10),
        "key": lambda: set_budget(
            session, one, limit_usd=Decimal(1), scope="key", account_id=f"key_{mark}_{number}"
        ),
        "close": lambda: close_month(session, month_named(f"{NOW.year - 1}-{number + 1:02}")),
        "limit": lambda: set_budget(session, one, limit_usd=Decimal(number), period="total"),
    }
    try:
        doing[name]()
    except BudgetExceeded:
        return


def outcome(session: Session, done: list[Step], times: int) -> tuple[object, ...]:
    """The state of a new team after doing each step `times` times."""
    one, mark = team(session), f"m{next(_rounds)}"
    for step in done:
        for _ in range(times):
            act(session, one, mark, step)
    wrong = [found for found in findings(session) if "price" not in found.check]
    assert not wrong
    view = budget_view(session, one)
    report = cost_report(session, CostScope(one), ["kind", "day"])
    return view.spent_usd, view.held_usd, view.limit_usd, report.total_usd, report.rows


@pytest.mark.usefixtures("database")
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(done=steps)
def test_every_step_done_twice_leaves_what_doing_it_once_leaves(done: list[Step]) -> None:
    with transaction() as session:
        assert outcome(session, done, 1) == outcome(session, done, 2)
        session.rollback()

"""Holds and settlements on a real database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from service.catalog.price import PriceKind
from service.core.db import transaction
from service.errors import BudgetExceeded
from service.events.tables import Event
from service.events.types import EventType
from service.ledger import queries
from service.ledger.actions import (
    end_expired,
    place_hold,
    place_holds,
    release_hold,
    settle,
    settle_many,
)
from service.ledger.budgets import routes as budget_routes
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import BudgetView, Hold, HoldAsk, Settlement, explain_refusal
from service.ledger.tables import Entry, HoldRow, LedgerAccount
from service.settings import settings
from service.teams.actions import create_team
from tests.ledger.make import charge, team

pytestmark = pytest.mark.usefixtures("database")

DIME = Decimal("0.10")


def figures(team_id: str) -> tuple[Decimal, Decimal, Decimal | None]:
    """The amounts spent, held and remaining."""
    with transaction() as session:
        view = queries.budget_view(session, team_id)
    return view.spent_usd, view.held_usd, view.remaining_usd


def test_a_hold_reserves_and_its_settlement_spends() -> None:
    with transaction() as session:
        one = team(session, limit_usd="5")
        place_hold(session, team_id=one, subject_id="job_1", amount_usd=Decimal("2"))
    assert figures(one) == (0, 2, 3)
    with transaction() as session:
        assert settle(session, team_id=one, subject_id="job_1", charges=[charge("job_1/output")]) == DIME
    assert figures(one) == (DIME, 0, Decimal("4.9"))


def test_a_hold_that_does_not_fit_is_refused_with_every_figure() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1")
        settle(session, team_id=one, subject_id="a", charges=[charge("a")])
        place_hold(session, team_id=one, subject_id="b", amount_usd=Decimal("0.5"))
        with pytest.raises(BudgetExceeded) as refused:
            place_hold(session, team_id=one, subject_id="c", amount_usd=Decimal("0.4000001"))
    month = f"{datetime.now(UTC):%Y-%m}"
    assert refused.value.param == "team"
    assert refused.value.message.startswith(
        f"The monthly ({month}, UTC) budget of team {one} does not cover this: "
        "limit $1.00, spent $0.10, held $0.50, asked $0.4000001, remaining $0.40."
    )


def test_what_exactly_fits_is_granted() -> None:
    with transaction() as session:
        one = team(session, limit_usd="0.3")
        for subject in "abc":
            place_hold(session, team_id=one, subject_id=subject, amount_usd=DIME)
    assert figures(one) == (0, Decimal("0.3"), 0)


def test_money_that_was_let_go_can_be_held_again() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1")
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal(1))
        release_hold(session, team_id=one, subject_id="a")
        place_hold(session, team_id=one, subject_id="b", amount_usd=Decimal(1))
    assert figures(one) == (0, 1, 0)


def test_a_team_without_a_budget_has_no_limit_but_is_counted() -> None:
    with transaction() as session:
        one = team(session)
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("1e9"))
        settle(session, team_id=one, subject_id="b", charges=[charge("b")])
    assert figures(one) == (DIME, Decimal("1e9"), None)


def test_placing_the_same_hold_twice_reserves_once() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1")
        for _ in range(2):
            place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.8"))
    assert figures(one) == (0, Decimal("0.8"), Decimal("0.2"))


def test_settling_twice_charges_once() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1")
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.8"))
    for _ in range(2):
        with transaction() as session:
            assert settle(session, team_id=one, subject_id="a", charges=[charge("a")]) == DIME
    assert figures(one) == (DIME, 0, Decimal("0.9"))


def test_releasing_twice_lets_go_once() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1")
        place_hold(session, team_id=one, subject_id="a", amount_usd=DIME)
        place_hold(session, team_id=one, subject_id="b", amount_usd=DIME)
    for _ in range(2):
        with transaction() as session:
            release_hold(session, team_id=one, subject_id="a")
    assert figures(one) == (0, DIME, Decimal("0.9"))


def test_work_that_cost_more_than_it_held_is_charged_in_full() -> None:
    with transaction() as session:
        one = team(session, limit_usd="0.05")
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.05"))
        settle(session, team_id=one, subject_id="a", charges=[charge("a")])
    assert figures(one) == (DIME, 0, Decimal("-0.05"))


def test_many_holds_in_one_call_are_answered_one_by_one() -> None:
    with transaction() as session:
        poor, rich = team(session, limit_usd="0.15"), team(session)
        asks = [
            HoldAsk(poor, "a", DIME),
            HoldAsk(rich, "b", DIME),
            HoldAsk(poor, "c", DIME),
            HoldAsk(poor, "d", Decimal("0.05")),
        ]
        answers = place_holds(session, asks)
    assert [type(answer) for answer in answers] == [Hold, Hold, BudgetExceeded, Hold]
    assert figures(poor) == (0, Decimal("0.15"), 0)


def test_many_settlements_in_one_call_reach_their_teams() -> None:
    with transaction() as session:
        one, two = team(session), team(session)
        settle_many(
            session,
            [
                Settlement(two, "b", [charge("b/in", kind=PriceKind.INPUT_TOKENS), charge("b/out")]),
                Settlement(one, "a", [charge("a/out")]),
                Settlement(one, "c"),
            ],
        )
    assert (figures(one)[0], figures(two)[0]) == (DIME, Decimal("0.2"))


def test_a_teams_entries_are_numbered_without_gaps() -> None:
    with transaction() as session:
        one = team(session)
        for name in ("a", "b", "a", "c"):
            settle(session, team_id=one, subject_id=name, charges=[charge(f"{name}/1"), charge(f"{name}/2")])
        numbers = session.scalars(select(Entry.number).order_by(Entry.number)).all()
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_the_key_of_another_teams_charge_is_an_error_and_not_a_repetition() -> None:
    with transaction() as session:
        one, two = team(session), team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("same")])
    with pytest.raises(DBAPIError, match="under the same unique_key"), transaction() as session:
        settle(session, team_id=two, subject_id="a", charges=[charge("same")])


def test_a_charge_from_before_midnight_of_the_month_leaves_this_months_budget_alone() -> None:
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with transaction() as session:
        one = team(session, limit_usd="1")
        late = charge("late", occurred_at=first - timedelta(seconds=1))
        settle(session, team_id=one, subject_id="a", charges=[late])
        total = session.scalar(select(LedgerAccount.spent_usd))
    assert (figures(one)[0], total) == (0, DIME)


def test_a_new_month_begins_with_nothing_spent() -> None:
    with transaction() as session:
        one = team(session, limit_usd="0.10")
        settle(session, team_id=one, subject_id="a", charges=[charge("a")])
        session.execute(text("UPDATE accounts SET month = month - interval '1 month'"))
    assert figures(one)[0] == 0
    with transaction() as session:
        place_hold(session, team_id=one, subject_id="b", amount_usd=DIME)
        settle(session, team_id=one, subject_id="b", charges=[charge("b")])
    assert figures(one)[0] == DIME


def test_a_period_set_later_counts_what_was_spent_in_it() -> None:
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a")])
        session.execute(text("UPDATE accounts SET month = month - interval '1 month'"))
        set_budget(session, one, limit_usd=Decimal(1), period="total")
    assert figures(one)[0] == DIME
    with transaction() as session:
        set_budget(session, one, limit_usd=Decimal(1), period="month")
    assert figures(one)[0] == 0


def test_spending_under_a_limit_of_zero_is_announced_and_thresholds_above_100_are_too() -> None:
    with transaction() as session:
        one, two = team(session, limit_usd="0"), team(session)
        set_budget(session, two, limit_usd=Decimal("0.05"), thresholds=[100, 200, 300])
        for who in (one, two):
            settle(session, team_id=who, subject_id="a", charges=[charge(f"{who}:a")])
        told = session.scalars(select(Event).where(Event.type == EventType.BUDGET_THRESHOLD)).all()
    assert [event.data["threshold"] for event in told if event.team_id == one] == [50, 80, 100]
    assert [event.data["threshold"] for event in told if event.team_id == two] == [100, 200]


def test_each_threshold_is_told_of_once_a_period() -> None:
    with transaction() as session:
        one = team(session, limit_usd="0.40")
        for name in "abcd":
            settle(session, team_id=one, subject_id=name, charges=[charge(name)])
        told = session.scalars(select(Event).order_by(Event.number)).all()
    assert [event.data["threshold"] for event in told] == [50, 80, 100]
    assert [event.data["spent_usd"] for event in told] == ["0.20", "0.40", "0.40"]


def test_holds_whose_work_vanished_are_released_when_they_expire() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1")
        gone = timedelta(seconds=-1)
        place_hold(session, team_id=one, subject_id="a", amount_usd=DIME, expires_in=gone)
        place_hold(session, team_id=one, subject_id="b", amount_usd=DIME, expires_in=timedelta(hours=1))
        place_hold(session, team_id=one, subject_id="c", amount_usd=DIME)
    with transaction() as session:
        assert end_expired(session, 100) == 1
        assert session.scalars(select(HoldRow.subject_id).order_by(HoldRow.subject_id)).all() == ["b", "c"]
    assert figures(one)[1] == Decimal("0.2")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_rows SET quantities = '{0}'",
        "DELETE FROM ledger_rows",
        "TRUNCATE ledger_rows",
        "UPDATE ledger_forms SET prices_usd = '{0}'",
        "DELETE FROM ledger_forms",
    ],
)
def test_the_database_refuses_to_change_the_ledger(change: str) -> None:
    with transaction() as session:
        settle(session, team_id=team(session), subject_id="a", charges=[charge("a")])
    with pytest.raises(DBAPIError) as refused, transaction() as session:
        session.execute(text(change))
    assert isinstance(refused.value.orig, InsufficientPrivilege)
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Entry)) == 1


def test_a_charge_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a unique_key"):
        charge("")


@pytest.mark.parametrize(
    ("scope", "whose", "remedy"),
    [
        ("organization", "The total budget of the organization", "ask an admin"),
        ("department", "The total budget of department acc_1", "ask an admin"),
        ("team", "The total budget of team acc_1", "ask an admin"),
        ("key", "The total budget of key acc_1", "a key that has the scope manage"),
        ("job", "This job's own limit, max_cost_usd,", "PUT /v1/fine_tuning/jobs/{id}/max_cost"),
    ],
)
def test_a_refusal_names_the_limit_and_who_can_change_it(scope: str, whose: str, remedy: str) -> None:
    budget = BudgetView("acc_1", scope, Decimal(1), "total", "total", Decimal(0), Decimal(0))
    said = explain_refusal(budget, Decimal(2))

    assert said.startswith(f"{whose} does not cover this: limit $1.00")
    assert remedy in said


def test_a_new_team_gets_the_default_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUSE_DEFAULT_TEAM_BUDGET_USD", "25.00")
    settings.cache_clear()
    assert budget_routes.router.routes  # they complete a new team
    with transaction() as session:
        made = create_team(session, name="New", slug="new", labels={})
    monkeypatch.undo()
    settings.cache_clear()

    with transaction() as session:
        assert queries.budget_view(session, made.id).limit_usd == 25

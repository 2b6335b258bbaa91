"""Announce the thresholds that a budget has reached: of its spending, its holds and its forecast."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.events import actions as events
from service.events.types import EventType
from service.ledger import queries
from service.ledger.charges import BudgetView
from service.ledger.departments.queries import teams_of
from service.ledger.money import usd
from service.ledger.tables import Budget, BudgetAlert, LedgerAccount

_ANNOUNCE = text("SELECT * FROM ledger_announce_thresholds(ARRAY[CAST(:account_id AS text)])")
_IS_REACHED = {
    "spent": "of the budget of {scope} {account_id} is spent",
    "held": "of the budget of {scope} {account_id} is spent or held",
    "forecast": "of the budget of {scope} {account_id} will be spent by the end of the month, at this pace",
}


def budgets_with_limits(session: Session) -> list[str]:
    """The accounts that have a limit and a threshold."""
    announced = func.cardinality(Budget.thresholds + Budget.held_thresholds + Budget.forecast_thresholds) > 0
    limited = select(Budget.account_id).where(Budget.limit_usd.is_not(None), announced)
    return list(session.scalars(limited.order_by(Budget.account_id)))


def announce_due(session: Session, account_id: str) -> int:
    """Announce the thresholds that a budget has reached, and return how many were new."""
    reached = session.execute(_ANNOUNCE, {"account_id": account_id}).all()
    for crossed in reached:
        announce_threshold(session, crossed)
    return len(reached) + _announce_forecast(session, account_id)


def announce_threshold(session: Session, crossed: Row[Any]) -> None:
    """Append the events for a threshold that `ledger_announce_thresholds` found newly crossed."""
    _append_all(
        session,
        crossed.team_id,
        {
            "scope": crossed.scope,
            "account_id": crossed.account_id,
            "period": crossed.period_name,
            "basis": crossed.basis,
            "threshold": crossed.threshold,
            "limit_usd": usd(crossed.limit_usd),
            "spent_usd": usd(crossed.spent_usd),
            "held_usd": usd(crossed.held_usd),
        },
    )


def _announce_forecast(session: Session, account_id: str) -> int:
    budget = session.get_one(Budget, account_id, populate_existing=True)
    if not budget.forecast_thresholds or budget.limit_usd is None or budget.period != "month":
        return 0
    account = session.get_one(LedgerAccount, account_id)
    view = queries.standing(session, account_id)
    expected_usd = queries.forecast_of(session, view, account.team_id).period_end_usd
    if expected_usd is None:
        return 0
    announced = 0
    for threshold in budget.forecast_thresholds:
        if expected_usd * 100 >= budget.limit_usd * threshold and _is_news(session, view, threshold):
            _append_all(session, account.team_id, _forecast_data(view, threshold, expected_usd))
            announced += 1
    return announced


def _is_news(session: Session, view: BudgetView, threshold: int) -> bool:
    row = insert(BudgetAlert).values(
        account_id=view.account_id,
        period=view.period_name,
        limit_usd=view.limit_usd,
        basis="forecast",
        threshold=threshold,
        announced_at=func.clock_timestamp(),
    )
    return session.scalar(row.on_conflict_do_nothing().returning(BudgetAlert.threshold)) is not None


def _forecast_data(view: BudgetView, threshold: int, expected_usd: Decimal) -> dict[str, Any]:
    return {
        "scope": view.scope,
        "account_id": view.account_id,
        "period": view.period_name,
        "basis": "forecast",
        "threshold": threshold,
        "limit_usd": usd(view.limit_usd or Decimal(0)),
        "spent_usd": usd(view.spent_usd),
        "held_usd": usd(view.held_usd),
        "forecast_usd": usd(expected_usd),
    }


def _append_all(session: Session, team_id: str | None, data: dict[str, Any]) -> None:
    """Append one event, and for a department's budget a copy for each of its teams."""
    _append(session, team_id, data)
    if data["scope"] == "department":
        for member in teams_of(session, data["account_id"]):
            _append(session, member, data | {"copy": True})


def _append(session: Session, team_id: str | None, data: dict[str, Any]) -> None:
    reached = _IS_REACHED[data["basis"]].format(**data)
    used = f"${data['spent_usd']} spent, ${data['held_usd']} held"
    events.append(
        session,
        team_id=team_id,
        subject_id=data["account_id"],
        type=EventType.BUDGET_THRESHOLD,
        level="warn",
        message=f"{data['threshold']} % {reached} ({data['period']}): limit ${data['limit_usd']}, {used}.",
        data=data,
    )

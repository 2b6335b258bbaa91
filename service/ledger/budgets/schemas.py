"""Budgets, forecasts and the caller's account on the wire. Amounts are decimal strings in US dollars."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import unix
from service.core.wire import WireIn, WireOut
from service.ledger.budgets.actions import DEFAULT_THRESHOLDS, Period
from service.ledger.charges import BudgetView
from service.ledger.fields import Amount
from service.ledger.money import usd
from service.ledger.reports.forecast import Forecast
from service.teams.quotas.schemas import QuotasOut


class BudgetIn(WireIn):
    """A budget's limit; `limit_usd: null` removes it.

    `thresholds` are percentages of the limit. Crossing one sends an event, once per period.
    """

    limit_usd: Amount | None
    period: Period = "month"
    thresholds: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(max_length=10)] = Field(
        default_factory=lambda: list(DEFAULT_THRESHOLDS)
    )


class ForecastOut(WireOut):
    """A forecast from the last seven days' spending.

    `exhausted_at` is null if the limit will not be reached; `period_end_usd` is null for total budgets.
    """

    usd_per_day: str
    period_end_usd: str | None
    exhausted_at: int | None


class BudgetOut(WireOut):
    """A budget and its counters. Without a limit, `limit_usd` and `remaining_usd` are null.

    `key_id` is null for a team's budget. Only the budget routes return a `forecast`; elsewhere it is null.
    """

    object: Literal["budget"] = "budget"
    team_id: str
    limit_usd: str | None
    period: str
    period_name: str
    spent_usd: str
    held_usd: str
    remaining_usd: str | None
    thresholds: list[int]
    key_id: str | None = None
    forecast: ForecastOut | None = None


class TeamRef(WireOut):
    """The team that a key belongs to."""

    id: str
    name: str
    slug: str


class MeOut(WireOut):
    """The calling key, its team and scopes, and the budgets and quotas that apply to it."""

    object: Literal["me"] = "me"
    key_id: str
    is_admin: bool
    scopes: list[str]
    team_id: str | None
    team: TeamRef | None
    budget: BudgetOut | None
    key_budget: BudgetOut | None
    spent_usd: str | None
    held_usd: str | None
    quotas: QuotasOut | None


def budget_out(team_id: str, view: BudgetView, ahead: Forecast | None = None) -> BudgetOut:
    """The wire form of a budget, with its forecast if there is one."""
    left = view.remaining_usd
    return BudgetOut(
        team_id=team_id,
        limit_usd=None if view.limit_usd is None else usd(view.limit_usd),
        period=view.period,
        period_name=view.period_name,
        spent_usd=usd(view.spent_usd),
        held_usd=usd(view.held_usd),
        remaining_usd=None if left is None else usd(left),
        thresholds=list(view.thresholds),
        key_id=view.account_id if view.scope == "key" else None,
        forecast=None if ahead is None else _forecast_out(ahead),
    )


def _forecast_out(ahead: Forecast) -> ForecastOut:
    return ForecastOut(
        usd_per_day=usd(ahead.usd_per_day),
        period_end_usd=None if ahead.period_end_usd is None else usd(ahead.period_end_usd),
        exhausted_at=None if ahead.exhausted_at is None else unix(ahead.exhausted_at),
    )

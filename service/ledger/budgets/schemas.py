"""Budgets, forecasts and the caller's account on the wire. Amounts are decimal strings in US dollars."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from service.core.clock import unix
from service.core.http.wire import WireIn, WireOut
from service.ledger.budgets.actions import DEFAULT_THRESHOLDS, Period
from service.ledger.charges import BudgetView
from service.ledger.fields import Amount
from service.ledger.money import usd
from service.ledger.reports.forecast import Forecast
from service.teams.quotas.schemas import QuotasOut

Percentages = Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(max_length=10)]


class BudgetIn(WireIn):
    """A budget's limit; `limit_usd: null` removes it.

    The thresholds are percentages of the limit, also above 100: of what is spent (`thresholds`), of what is
    spent and held together, and of what the forecast expects for the end of the month. Reaching one sends an
    event, once per period and limit.
    """

    limit_usd: Amount | None
    period: Period = "month"
    thresholds: Percentages = Field(default_factory=lambda: list(DEFAULT_THRESHOLDS))
    held_thresholds: Percentages = Field(default_factory=list)
    forecast_thresholds: Percentages = Field(default_factory=list)

    @model_validator(mode="after")
    def _forecast_has_an_end(self) -> "BudgetIn":
        if self.forecast_thresholds and self.period != "month":
            raise ValueError(
                "'forecast_thresholds' need the period 'month', because a total budget has no end to forecast"
            )
        return self


class ForecastOut(WireOut):
    """A forecast from the last seven days' spending.

    `exhausted_at` is null if the limit will not be reached; `period_end_usd` is null for total budgets.
    """

    usd_per_day: str
    period_end_usd: str | None
    exhausted_at: int | None


class BudgetFigures(WireOut):
    """A budget's limit, counters and thresholds. Without a limit, `remaining_usd` is null."""

    limit_usd: str | None
    period: str
    period_name: str
    spent_usd: str
    held_usd: str
    remaining_usd: str | None
    thresholds: list[int]
    held_thresholds: list[int]
    forecast_thresholds: list[int]


class BudgetOut(BudgetFigures):
    """A budget and its counters. Without a limit, `limit_usd` and `remaining_usd` are null.

    `key_id` is null for a team's budget. Only the budget routes return a `forecast`; elsewhere it is null.
    """

    object: Literal["budget"] = "budget"
    team_id: str
    key_id: str | None = None
    forecast: ForecastOut | None = None


class OrganizationBudgetOut(BudgetFigures):
    """The budget of all teams together, its counters and a forecast."""

    object: Literal["organization.budget"] = "organization.budget"
    forecast: ForecastOut


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
    return BudgetOut(
        team_id=team_id,
        key_id=view.account_id if view.scope == "key" else None,
        forecast=None if ahead is None else _forecast_out(ahead),
        **figures(view),
    )


def organization_out(view: BudgetView, ahead: Forecast) -> OrganizationBudgetOut:
    """The wire form of the organization's budget."""
    return OrganizationBudgetOut(forecast=_forecast_out(ahead), **figures(view))


def figures(view: BudgetView) -> dict[str, Any]:
    """The fields of `BudgetFigures`."""
    left = view.remaining_usd
    return {
        "limit_usd": None if view.limit_usd is None else usd(view.limit_usd),
        "period": view.period,
        "period_name": view.period_name,
        "spent_usd": usd(view.spent_usd),
        "held_usd": usd(view.held_usd),
        "remaining_usd": None if left is None else usd(left),
        "thresholds": list(view.thresholds),
        "held_thresholds": list(view.held_thresholds),
        "forecast_thresholds": list(view.forecast_thresholds),
    }


def _forecast_out(ahead: Forecast) -> ForecastOut:
    return ForecastOut(
        usd_per_day=usd(ahead.usd_per_day),
        period_end_usd=None if ahead.period_end_usd is None else usd(ahead.period_end_usd),
        exhausted_at=None if ahead.exhausted_at is None else unix(ahead.exhausted_at),
    )

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
    """A budget's limit. Reaching a threshold sends an event, once per period and limit."""

    limit_usd: Amount | None
    """The most that may be spent and held in a period; null removes the limit."""
    period: Period = "month"
    """`month` starts again each calendar month (UTC); `total` never does."""
    thresholds: Percentages = Field(default_factory=lambda: list(DEFAULT_THRESHOLDS))
    """Percentages of the limit, up to 1000, that announce what is spent; up to 10."""
    held_thresholds: Percentages = Field(default_factory=list)
    """Percentages that announce what is spent and held together."""
    forecast_thresholds: Percentages = Field(default_factory=list)
    """Percentages that announce what is forecast for the end of the month."""

    @model_validator(mode="after")
    def _forecast_has_an_end(self) -> "BudgetIn":
        if self.forecast_thresholds and self.period != "month":
            raise ValueError(
                "'forecast_thresholds' need the period 'month', because a total budget has no end to forecast"
            )
        return self


class ForecastOut(WireOut):
    """A forecast from the last seven days' spending."""

    usd_per_day: str
    """Average spending a day."""
    period_end_usd: str | None
    """Expected spending at the end of the month; null for total budgets."""
    exhausted_at: int | None
    """When the limit will be reached, in unix seconds; null if it will not."""


class BudgetFigures(WireOut):
    """A budget's limit, counters and thresholds."""

    limit_usd: str | None
    """The most that may be spent and held in a period; null means no limit."""
    period: str
    """`month` or `total`."""
    period_name: str
    """The current period: a month such as `2026-11`, or `total`."""
    spent_usd: str
    """What is charged in this period."""
    held_usd: str
    """What unfinished jobs and requests hold."""
    remaining_usd: str | None
    """What is left of the limit; null without a limit."""
    thresholds: list[int]
    """Percentages of the limit that announce what is spent."""
    held_thresholds: list[int]
    """Percentages that announce what is spent and held together."""
    forecast_thresholds: list[int]
    """Percentages that announce what is forecast for the end of the month."""


class BudgetOut(BudgetFigures):
    """A budget and its counters."""

    object: Literal["budget"] = "budget"
    team_id: str
    key_id: str | None = None
    """The id of the key that has the budget; null for a team's budget."""
    forecast: ForecastOut | None = None
    """Expected spending. Only the budget routes return it; elsewhere it is null."""


class OrganizationBudgetOut(BudgetFigures):
    """The budget of all teams together."""

    object: Literal["organization.budget"] = "organization.budget"
    forecast: ForecastOut
    """Expected spending of all teams."""


class TeamRef(WireOut):
    """The team that a key belongs to."""

    id: str
    name: str
    """The team's name."""
    slug: str
    """The part of its models' names that stands for the team."""


class MeOut(WireOut):
    """The calling key, and what applies to it."""

    object: Literal["me"] = "me"
    key_id: str
    """The id of the calling key."""
    is_admin: bool
    """Whether it is an admin key."""
    scopes: list[str]
    """What the key may do: `read`, `train`, `infer`, `manage`."""
    team_id: str | None
    """The id of the key's team; null for an admin that names none."""
    team: TeamRef | None
    """The key's team; null for an admin that names none."""
    budget: BudgetOut | None
    """The team's budget; null without a team."""
    key_budget: BudgetOut | None
    """The budget of the key or of the key above it; null if there is none."""
    spent_usd: str | None
    """What the team has spent in its budget's period; null without a team."""
    held_usd: str | None
    """What the team's unfinished jobs and requests hold; null without a team."""
    quotas: QuotasOut | None
    """The team's quotas; null without a team."""


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

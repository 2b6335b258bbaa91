"""Prices, budgets and costs on the wire. Amounts are decimal strings in US dollars."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from service.catalog.price import PRICE_DECIMALS, STANDARD, Price, PriceKind, Unit
from service.catalog.prices import NewPrice, price_of
from service.catalog.tables import PriceRow
from service.core.clock import from_unix, unix
from service.core.wire import Name, Text, WireIn, WireOut
from service.ledger.budgets.actions import DEFAULT_THRESHOLDS, Period
from service.ledger.charges import BudgetView
from service.ledger.money import usd
from service.ledger.reports.forecast import Forecast
from service.teams.quotas.schemas import QuotasOut

Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=PRICE_DECIMALS, examples=["5.00"])]
Moment = Annotated[int, Field(ge=0, lt=2**33)]


class PriceCreate(WireIn):
    """A new price, in force from `effective_from` on, which may be in the past or future.

    It never replaces an existing row. `amount_usd` is for `unit_quantity` units; `unit` must be the unit of
    the kind. Both are required so that a price per thousand cannot be mistaken for one per million.
    """

    provider_kind: Literal["openai", "azure", "trainer"]
    model: Name
    method: Literal["supervised", "dpo", "reinforcement"] | None = None
    kind: PriceKind
    tier: Name = STANDARD
    unit: Unit
    unit_quantity: Literal[1, 1_000, 1_000_000]
    amount_usd: Amount
    effective_from: Moment
    source: Name

    @model_validator(mode="after")
    def _unit_fits(self) -> "PriceCreate":
        if self.unit != self.kind.unit:
            raise ValueError(f"'unit' must be '{self.kind.unit}' for {self.kind}, got '{self.unit}'")
        if self.unit == "hours" and self.unit_quantity != 1:
            raise ValueError("'unit_quantity' must be 1 for prices per hour")
        return self

    def as_new_price(self) -> NewPrice:
        """Convert to the catalogue's type."""
        fields = self.model_dump(exclude={"unit"}) | {"effective_from": from_unix(self.effective_from)}
        return NewPrice(**fields)


class PriceOut(WireOut):
    """A price. `text` puts it in words, such as "$25.00 per 1,000,000 tokens"."""

    object: Literal["price"] = "price"
    id: str
    provider_kind: str
    model: str
    method: str | None
    kind: str
    tier: str
    unit: str
    unit_quantity: int
    amount_usd: str
    text: str
    effective_from: int
    source: Text
    created_at: int


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


class CostsOut(WireOut):
    """A cost report. Each row has the fields it is grouped by and `amount_usd`; by kind, also `quantity`."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    total_usd: str


def price_out(row: PriceRow) -> PriceOut:
    """The wire form of a price."""
    price = price_of(row)
    return PriceOut(
        id=row.id,
        provider_kind=row.provider_kind,
        model=row.model,
        method=row.method,
        kind=row.kind,
        tier=row.tier,
        unit=price.unit,
        unit_quantity=row.unit_quantity,
        amount_usd=usd(row.amount_usd),
        text=_in_words(price),
        effective_from=unix(row.effective_from),
        source=row.source,
        created_at=unix(row.created_at),
    )


def _in_words(price: Price) -> str:
    per = (
        price.unit.removesuffix("s") if price.unit_quantity == 1 else f"{price.unit_quantity:,} {price.unit}"
    )
    return f"${usd(price.amount_usd)} per {per}"


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

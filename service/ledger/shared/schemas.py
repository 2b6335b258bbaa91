"""Shared costs on the wire."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from service.catalog.price import PRICE_DECIMALS
from service.core.clock import from_unix, unix
from service.core.http.wire import Name, WireIn, WireOut
from service.ledger.fields import Moment
from service.ledger.money import usd
from service.ledger.shared.queries import By
from service.ledger.shared.tables import SharedCostRule

Rate = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=PRICE_DECIMALS, examples=["1.70"])]


class SharedCostCreate(WireIn):
    """A bill that comes by the hour or month, divided among the teams in proportion to their use."""

    name: Name
    """Its name, as statements show it."""
    amount_usd: Rate
    """The amount of one hour or month."""
    per: Literal["hour", "month"]
    """Whether the bill comes by the hour or by the month."""
    by: By
    """What measures the use: `tokens` or `requests` of inference, `hours` of training, `cost` of both."""
    default_team_id: Name
    """The id of the team that pays for months without any use."""
    provider: Name | None = None
    """Count only use at this provider; null for all."""
    base_model: Name | None = None
    """Count only use of this base; null for all."""
    model: Name | None = None
    """Count only use of this model; null for all."""
    effective_from: Moment | None = None
    """From when the bill comes, in unix seconds; null means from now on."""

    def as_rule(self) -> SharedCostRule:
        """Convert to a rule that `create_rule` completes."""
        moment = None if self.effective_from is None else from_unix(self.effective_from)
        return SharedCostRule(**(self.model_dump() | {"effective_from": moment}))


class SharedCostOut(WireOut):
    """A shared cost."""

    object: Literal["shared_cost"] = "shared_cost"
    id: str
    name: str
    """Its name, as statements show it."""
    amount_usd: str
    """The amount of one hour or month."""
    per: str
    """`hour` or `month`."""
    by: str
    """What measures the use: `tokens`, `requests`, `hours` or `cost`."""
    default_team_id: str
    """The id of the team that pays for months without any use."""
    provider: str | None
    """Only use at this provider counts; null for all."""
    base_model: str | None
    """Only use of this base counts; null for all."""
    model: str | None
    """Only use of this model counts; null for all."""
    effective_from: int
    """From when the bill comes, in unix seconds."""
    ended_at: int | None
    """When it ended, in unix seconds; null while it goes on."""
    created_by: str
    """The id of the admin key that created it."""
    created_at: int


class ShareOut(WireOut):
    """What one team owes for one department and cost center."""

    team_id: str
    team_name: str | None
    department_id: str | None
    """The department at the time of the use; null for none."""
    department_name: str | None
    """The department's current name; null for none."""
    cost_center: str | None
    """The cost center at the time of the use; null for none."""
    use: str
    """The use that counted, in the unit of the rule's `by`."""
    amount_usd: str
    """The team's share."""


class SharesOut(WireOut):
    """The shares of one month."""

    object: Literal["list"] = "list"
    shared_cost_id: str
    """The id of the shared cost."""
    month: str
    """The calendar month (UTC)."""
    status: Literal["provisional", "booked"]
    """`provisional` until the month is closed, then `booked`."""
    amount_usd: str
    """The bill of the month."""
    data: list[ShareOut]
    has_more: Literal[False] = False


def shared_cost_out(rule: SharedCostRule) -> SharedCostOut:
    """The wire form of a rule."""
    same = ("id", "name", "per", "by", "default_team_id", "provider", "base_model", "model", "created_by")
    values: dict[str, Any] = {name: getattr(rule, name) for name in same}
    return SharedCostOut(
        **values,
        amount_usd=usd(rule.amount_usd),
        effective_from=unix(rule.effective_from),
        ended_at=None if rule.ended_at is None else unix(rule.ended_at),
        created_at=unix(rule.created_at),
    )

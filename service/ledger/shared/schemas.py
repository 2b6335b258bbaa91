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
    """A bill that comes by the hour or month, divided among the teams in proportion to their use.

    `by` measures the use: `tokens` and `requests` of inference, `hours` of training, or the `cost` of both.
    `provider`, `base_model` and `model` limit it to what the bill is for. Months without such use are paid by
    `default_team_id`.
    """

    name: Name
    amount_usd: Rate
    per: Literal["hour", "month"]
    by: By
    default_team_id: Name
    provider: Name | None = None
    base_model: Name | None = None
    model: Name | None = None
    effective_from: Moment | None = None

    def as_rule(self) -> SharedCostRule:
        """Convert to a rule that `create_rule` completes."""
        moment = None if self.effective_from is None else from_unix(self.effective_from)
        return SharedCostRule(**(self.model_dump() | {"effective_from": moment}))


class SharedCostOut(WireOut):
    """A shared cost, from `effective_from` until `ended_at`."""

    object: Literal["shared_cost"] = "shared_cost"
    id: str
    name: str
    amount_usd: str
    per: str
    by: str
    default_team_id: str
    provider: str | None
    base_model: str | None
    model: str | None
    effective_from: int
    ended_at: int | None
    created_by: str
    created_at: int


class ShareOut(WireOut):
    """What one team owes for one department and cost center. `use` is in the unit of the rule's `by`."""

    team_id: str
    team_name: str | None
    department_id: str | None
    department_name: str | None
    cost_center: str | None
    use: str
    amount_usd: str


class SharesOut(WireOut):
    """The shares of one month: `booked`, or `provisional` until the month is closed."""

    object: Literal["list"] = "list"
    shared_cost_id: str
    month: str
    status: Literal["provisional", "booked"]
    amount_usd: str
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

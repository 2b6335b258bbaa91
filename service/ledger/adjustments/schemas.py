"""Adjustments on the wire."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from service.catalog.price import QUANTITY_DECIMALS
from service.core.clock import from_unix, unix
from service.core.http.wire import Name, WireIn, WireOut
from service.ledger.adjustments.actions import NewAdjustment
from service.ledger.adjustments.tables import CostAdjustment
from service.ledger.fields import Moment
from service.ledger.money import usd
from service.ledger.queries import entry_numbered
from service.ledger.reports.names import names_of
from service.ledger.tables import Entry
from service.teams.tables import Team

SignedAmount = Annotated[Decimal, Field(max_digits=18, decimal_places=QUANTITY_DECIMALS, examples=["-12.50"])]


class AdjustmentCreate(WireIn):
    """A credit or a charge for a team."""

    team_id: Name
    """The id of the team."""
    amount_usd: SignedAmount
    """The amount: negative for a credit, positive for a charge."""
    reason: Name
    """Why, as the statement shows it."""
    entry_number: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """The number of the ledger entry that it corrects; null for none."""
    occurred_at: Moment | None = None
    """The time that it concerns, in unix seconds, without `entry_number`; null means now."""
    in_month_budget: bool = False
    """Count it against this month's budget although it concerns an earlier month."""

    def as_new(self) -> NewAdjustment:
        """Convert to the ledger's type."""
        moment = None if self.occurred_at is None else from_unix(self.occurred_at)
        return NewAdjustment(**(self.model_dump() | {"occurred_at": moment}))


class AdjustmentOut(WireOut):
    """An adjustment of a team's costs."""

    object: Literal["cost_adjustment"] = "cost_adjustment"
    id: str
    team_id: str
    team_name: str | None
    amount_usd: str
    """The amount: negative for a credit, positive for a charge."""
    reason: str
    """Why."""
    entry_number: int | None
    """The number of the ledger entry that it corrects; null for none."""
    job_id: str | None
    """The id of the job that the corrected entry charges; null for none."""
    occurred_at: int
    """The time that it concerns, in unix seconds."""
    booked_at: int
    """When it was booked, in unix seconds. That month's statement lists it."""
    in_month_budget: bool
    """Whether it counts against the budget of the month in which it was booked."""
    created_by: str
    """The id of the admin key that created it."""
    created_at: int


def adjustments_out(session: Session, adjustments: Sequence[CostAdjustment]) -> list[AdjustmentOut]:
    """The wire form of adjustments, with their entries and the names of teams."""
    names = names_of(session, Team, (one.team_id for one in adjustments))
    return [
        _adjustment_out(one, entry_numbered(session, one.team_id, one.number), names.get(one.team_id))
        for one in adjustments
    ]


def _adjustment_out(adjustment: CostAdjustment, entry: Entry, team_name: str | None) -> AdjustmentOut:
    return AdjustmentOut(
        id=adjustment.id,
        team_id=adjustment.team_id,
        team_name=team_name,
        amount_usd=usd(entry.amount_usd),
        reason=adjustment.reason,
        entry_number=entry.corrects,
        job_id=entry.job_id,
        occurred_at=unix(entry.occurred_at),
        booked_at=unix(entry.booked_at),
        in_month_budget=entry.in_month_budget,
        created_by=adjustment.created_by,
        created_at=unix(adjustment.created_at),
    )

"""Book credits and charges by hand."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import InvalidRequest
from service.ledger import rows
from service.ledger.actions import append_rows
from service.ledger.adjustments.tables import CostAdjustment
from service.ledger.charges import ADJUSTMENT
from service.ledger.queries import entry_numbered
from service.ledger.tables import Entry, keyed

_COPIED = ("key_id", "model", "base_model", "provider", "method", "tags")


@dataclass(frozen=True)
class NewAdjustment:
    """A credit (negative) or charge for a team, with the entry it corrects, if any.

    It concerns the month of that entry, else of `occurred_at`, else the current month. If that is an earlier
    month, it counts against this month's budget only with `in_month_budget`.
    """

    team_id: str
    amount_usd: Decimal
    reason: str
    entry_number: int | None = None
    occurred_at: datetime | None = None
    in_month_budget: bool = False


def adjust(session: Session, new: NewAdjustment, *, created_by: str) -> CostAdjustment:
    """Append an adjustment to the team's ledger and return its record.

    Raises `InvalidRequest` if the amount is zero or `occurred_at` is in the future, and `NotFound` if the
    team has no entry with that number.
    """
    if not new.amount_usd:
        raise InvalidRequest(
            "'amount_usd' must not be zero. Send a negative amount to credit the team, a positive one to "
            "charge it.",
            param="amount_usd",
        )
    if new.occurred_at is not None and new.occurred_at > clock.now():
        raise InvalidRequest(
            "'occurred_at' must not be in the future. Leave it out for the current month.",
            param="occurred_at",
        )
    entry = _entry(session, new)
    adjustment = CostAdjustment(
        id=ids.new_id("adj_"),
        team_id=new.team_id,
        reason=new.reason,
        created_by=created_by,
        created_at=clock.now(),
    )
    occurred_at = entry.occurred_at if entry else new.occurred_at
    copied = {name: getattr(entry, name) for name in _COPIED} if entry else {"tags": {}}
    row = rows.of_correction(
        team_id=new.team_id,
        unique_key=adjustment.id,
        subject_id=entry.subject_id if entry else adjustment.id,
        job_id=entry.job_id if entry else None,
        # In micro-dollars, because quantities have six decimals and amounts twelve.
        quantity=str(new.amount_usd * 1_000_000),
        form=copied
        | {
            "kind": ADJUSTMENT,
            "unit": "micro_usd",
            "tier": "standard",
            "price_id": None,
            "price_usd": "1",
            "unit_quantity": 1_000_000,
        },
        corrects=new.entry_number,
        reason=new.reason,
        occurred_at=occurred_at and occurred_at.isoformat(),
        in_month_budget=new.in_month_budget,
    )
    append_rows(session, [new.team_id], [row])
    booked = select(Entry.number).where(keyed([adjustment.id]))
    adjustment.number = session.scalars(booked).one()
    session.add(adjustment)
    session.flush()
    return adjustment


def _entry(session: Session, new: NewAdjustment) -> Entry | None:
    if new.entry_number is None:
        return None
    return entry_numbered(session, new.team_id, new.entry_number)

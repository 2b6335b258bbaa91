"""Reprice past charges by appending correction rows.

Repricing a row appends two rows: one that reverses it exactly, and one with the same quantity at the new
price. Both refer to it by `corrects`. So every charge has exactly one row in force, which can be reversed
only once.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, or_, select, text
from sqlalchemy.orm import Session, aliased

from service.catalog.price import Price
from service.catalog.prices import price_of
from service.catalog.tables import PriceRow
from service.core import clock
from service.errors import Conflict, InvalidRequest, NotFound
from service.ledger import rows
from service.ledger.actions import append_rows
from service.ledger.archive.queries import refuse_archived
from service.ledger.charges import ADJUSTMENT
from service.ledger.tables import Entry, LedgerAccount

MOST_ENTRIES = 20_000  # repricing them locks their teams' accounts for a few seconds

_COPIED = ("kind", "unit", "key_id", "model", "base_model", "provider", "method", "tags")
_LOCK = text("SELECT ledger_lock(CAST(:team_ids AS text[]), NULL)")


@dataclass(frozen=True)
class RepriceRange:
    """The charges to reprice: those `price_id` applies to, from `start` until before `end`."""

    price_id: str
    start: datetime
    end: datetime
    team_id: str | None = None


@dataclass(frozen=True)
class TeamPlan:
    """What repricing changes for a team.

    `closed_entries` is how many of the entries lie in closed months; their corrections are booked now.
    """

    team_id: str
    entries: int
    closed_entries: int
    old_usd: Decimal
    new_usd: Decimal


@dataclass(frozen=True)
class RepricePlan:
    """What repricing would change. `confirm` is a digest of exactly these rows and this price."""

    price: Price
    teams: Sequence[TeamPlan]
    confirm: str


def plan_reprice(session: Session, wanted: RepriceRange) -> RepricePlan:
    """Return what repricing would change, without changing anything.

    Raises `NotFound` for an unknown price, and `InvalidRequest` for more than 20,000 rows.
    """
    price = _price(session, wanted.price_id)
    return _plan(session, price, _standing(session, price, wanted))


def reprice(session: Session, wanted: RepriceRange, *, confirm: str, reason: str) -> RepricePlan:
    """Carry out a plan. Raises `Conflict` if it has changed since, and the errors of `plan_reprice`."""
    price = _price(session, wanted.price_id)
    teams = sorted({entry.team_id for entry in _standing(session, price, wanted)})
    session.execute(_LOCK, {"team_ids": teams})
    entries = _standing(session, price, wanted)
    planned = _plan(session, price, entries)
    if planned.confirm != confirm:
        raise Conflict(
            "The affected rows have changed since the dry run, or this request differs from it. Do another "
            "dry run by leaving out 'confirm', check it, and send the 'confirm' it returns.",
            param="confirm",
            code="plan_changed",
        )
    corrections = [row for entry in entries for row in _corrections(entry, price, reason)]
    append_rows(session, teams, corrections)
    return planned


def _price(session: Session, price_id: str) -> Price:
    row = session.get(PriceRow, price_id)
    if row is None:
        raise NotFound(f"There is no price {price_id!r}. GET /v1/prices lists all prices.", param="price_id")
    return price_of(row)


def _standing(session: Session, price: Price, wanted: RepriceRange) -> Sequence[Entry]:
    """The rows in force that `price` applies to and that were charged at another price."""
    if not price.kind.is_training:  # rows of jobs are never archived
        remedy = "Choose a later range, or book an adjustment: POST /v1/costs/adjustments."
        # Late charges of the range are booked in later months.
        since = [(wanted.start, max(wanted.end, clock.now()))]
        refuse_archived(session, since, param="start_time", remedy=remedy)
    taken_back = aliased(Entry)
    reversal = and_(
        taken_back.team_id == Entry.team_id,
        taken_back.corrects == Entry.number,
        taken_back.quantity < 0,
        taken_back.kind != ADJUSTMENT,
    )
    found: Select[Entry] = (
        select(Entry)
        .join(PriceRow, PriceRow.id == Entry.price_id)
        .where(
            PriceRow.provider_kind == price.provider_kind,
            PriceRow.model == price.model,
            PriceRow.kind == price.kind.value,
            PriceRow.tier == price.tier,
            # A price for all methods does not replace one for a specific method.
            or_(
                PriceRow.method.is_not_distinct_from(price.method),
                and_(PriceRow.method.is_(None), Entry.method == price.method),
            ),
            PriceRow.id != price.id,
            Entry.occurred_at >= wanted.start,
            Entry.occurred_at < wanted.end,
            Entry.booked_at >= wanted.start,  # never before `occurred_at`; excludes earlier partitions
            Entry.quantity > 0,
            ~select(taken_back.number).where(reversal).exists(),
        )
        .order_by(Entry.team_id, Entry.number)
        .limit(MOST_ENTRIES + 1)
    )
    if wanted.team_id is not None:
        found = found.where(Entry.team_id == wanted.team_id)
    entries = session.scalars(found).all()
    if len(entries) > MOST_ENTRIES:
        raise InvalidRequest(
            f"This would reprice more than {MOST_ENTRIES:,} rows, the most in one request. Choose a shorter "
            "range, or send 'team_id' to reprice one team at a time.",
            param="end_time",
        )
    return entries


def _plan(session: Session, price: Price, entries: Sequence[Entry]) -> RepricePlan:
    by_team: dict[str, list[Entry]] = {}
    for entry in entries:
        by_team.setdefault(entry.team_id, []).append(entry)
    closes = select(LedgerAccount.id, LedgerAccount.closed_before).where(LedgerAccount.id.in_(by_team))
    closed_before = {row.id: row.closed_before for row in session.execute(closes)}
    teams = [_team_plan(price, own, closed_before.get(team_id)) for team_id, own in by_team.items()]
    digest = hashlib.sha256(price.id.encode())
    for entry in entries:
        digest.update(f"|{entry.team_id}:{entry.number}".encode())
    return RepricePlan(price, teams, digest.hexdigest()[:32])


def _team_plan(price: Price, entries: Sequence[Entry], closed_before: datetime | None) -> TeamPlan:
    return TeamPlan(
        team_id=entries[0].team_id,
        entries=len(entries),
        closed_entries=sum(
            closed_before is not None and entry.occurred_at < closed_before for entry in entries
        ),
        old_usd=sum((entry.amount_usd for entry in entries), Decimal(0)),
        new_usd=sum((price.amount_for(entry.quantity) for entry in entries), Decimal(0)),
    )


def _corrections(entry: Entry, price: Price, reason: str) -> Iterator[dict[str, Any]]:
    """Yield the row that takes back an entry, and the one that books it at the new price."""
    old = (entry.price_id, entry.price_usd, entry.unit_quantity, entry.tier)
    new = (price.id, price.amount_usd, price.unit_quantity, price.tier)
    for name, quantity, terms in (("back", -entry.quantity, old), ("repriced", entry.quantity, new)):
        price_id, price_usd, unit_quantity, tier = terms
        yield rows.of_correction(
            team_id=entry.team_id,
            unique_key=f"reprice:{entry.team_id}:{entry.number}:{name}",
            subject_id=entry.subject_id,
            job_id=entry.job_id,
            quantity=str(quantity),
            form={field: getattr(entry, field) for field in _COPIED}
            | {
                "tier": tier,
                "price_id": price_id,
                "price_usd": str(price_usd),
                "unit_quantity": unit_quantity,
            },
            corrects=entry.number,
            reason=reason,
            occurred_at=entry.occurred_at.isoformat(),
        )

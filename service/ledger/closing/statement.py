"""Monthly statements: what a team owes, line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    Subquery,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.catalog.tables import PriceRow
from service.ledger.charges import ADJUSTMENT
from service.ledger.closing.months import Month, is_closed
from service.ledger.kinds import SHARED_COST
from service.ledger.reports.names import add_names
from service.ledger.rollups.sums import booked, read
from service.ledger.tables import Entry
from service.teams.tables import Team

SECTIONS = ("training", "inference", "shared", "adjustments")

# What a line sums up, besides its price and reason.
_SHARED = (
    "team_id",
    "department_id",
    "cost_center",
    "provider",
    "base_model",
    "model",
    "kind",
    "unit",
    "price_id",
)
_ORDER = (
    "section",
    "department_id",
    "cost_center",
    "description",
    "provider",
    "base_model",
    "model",
    "kind",
    "unit",
    "price_id",
    "reason",
    "entry_number",
)
_TRAINING = [kind.value for kind in PriceKind if kind.is_training]


@dataclass(frozen=True)
class MonthStatement:
    """A team's statement for a month. Each line has a section, usage, price, quantity and amount.

    The statement of a closed month is final. Adjustments include corrections of any month's entries. Shared
    costs are booked when the month closes.
    """

    team_id: str
    team_name: str
    month: Month
    is_closed: bool
    lines: Sequence[Mapping[str, Any]]

    @property
    def invoice_id(self) -> str | None:
        """The statement's invoice id in FOCUS exports; None while the month is open."""
        return f"{self.team_id}:{self.month.name}" if self.is_closed else None

    @property
    def total_usd(self) -> Decimal:
        """The sum of all lines."""
        return sum((line["amount_usd"] for line in self.lines), Decimal(0))

    def section_usd(self, section: str) -> Decimal:
        """The sum of one section's lines."""
        return sum((line["amount_usd"] for line in self.lines if line["section"] == section), Decimal(0))


def statements(session: Session, month: Month, team_id: str | None) -> list[MonthStatement]:
    """Return a team's statement, which may be empty, or those of all teams with entries in the month."""
    query = union_all(_use(month, team_id), _adjustments(month, team_id)).order_by("team_id", *_ORDER)
    lines = [dict(row) for row in read(session, query)]
    rows = add_names(session, ["department_id"], lines)[1]
    found = {team: [dict(row) for row in own] for team, own in groupby(rows, key=lambda row: row["team_id"])}
    if team_id is not None:
        found.setdefault(team_id, [])
    closed = is_closed(session, month)
    names = dict(session.execute(select(Team.id, Team.name).where(Team.id.in_(found))).all())
    return [
        MonthStatement(team, names[team], month, closed, _in_order(lines)) for team, lines in found.items()
    ]


def _use(month: Month, team_id: str | None) -> Select[tuple[object, ...]]:
    entries = booked(team_id, month.start, month.end, by=None)
    section = case(
        (entries.c.kind == SHARED_COST, literal("shared")),
        (entries.c.kind.in_(_TRAINING), literal("training")),
        else_=literal("inference"),
    )
    keys = [
        section.label("section"),
        # What the line is for, where its kind does not say: the name of a shared cost.
        case((entries.c.kind == SHARED_COST, entries.c.tags[SHARED_COST].astext)).label("description"),
        cast(null(), String).label("reason"),
    ]
    query = _lines(entries, keys, cast(null(), BigInteger))
    return query.where(~entries.c.is_correction, entries.c.kind != ADJUSTMENT)


def _adjustments(month: Month, team_id: str | None) -> Select[tuple[object, ...]]:
    """Select corrections of any month's entries and what admins booked by hand, with the reasons.

    What an admin booked is a line of its own. A price that was changed afterwards is a line for each model.
    """
    columns = [getattr(Entry, name) for name in (*_SHARED, "reason", "corrects", "quantity", "amount_usd")]
    own = case((Entry.kind == ADJUSTMENT, Entry.number)).label("own")
    entries = select(*columns, own).where(
        Entry.booked_at >= month.start,
        Entry.booked_at < month.end,
        Entry.reason.is_not(None),
        or_(Entry.corrects.is_not(None), Entry.kind == ADJUSTMENT),
    )
    if team_id is not None:
        entries = entries.where(Entry.team_id == team_id)
    rows = entries.subquery("adjustments")
    first, last = func.min(rows.c.corrects), func.max(rows.c.corrects)
    keys = [
        literal("adjustments").label("section"),
        cast(null(), String).label("description"),
        rows.c.reason,
    ]
    return _lines(rows, keys, case((first == last, first))).group_by(rows.c.own)


def _lines(
    entries: Subquery, keys: Sequence[ColumnElement[Any]], entry_number: ColumnElement[Any]
) -> Select[tuple[object, ...]]:
    shared = [entries.c[name] for name in _SHARED]
    return (
        select(
            *shared,
            PriceRow.amount_usd.label("price_usd"),
            PriceRow.unit_quantity,
            *keys,
            entry_number.label("entry_number"),
            func.sum(entries.c.quantity).label("quantity"),
            func.sum(entries.c.amount_usd).label("amount_usd"),
        )
        .join_from(entries, PriceRow, PriceRow.id == entries.c.price_id, isouter=True)
        .group_by(*shared, PriceRow.amount_usd, PriceRow.unit_quantity, *keys)
    )


def _in_order(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: SECTIONS.index(line["section"]))

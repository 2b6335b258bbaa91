"""Monthly statements: what a team owes, line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import case, func, literal, or_, select
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.catalog.tables import PriceRow
from service.ledger.charges import ADJUSTMENT
from service.ledger.closing.months import Month, is_closed
from service.ledger.kinds import SHARED_COST
from service.ledger.reports.names import add_names
from service.ledger.rollups.sums import booked, read
from service.teams.tables import Team

SECTIONS = ("training", "inference", "shared", "adjustments")

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
    entries = booked(team_id, month.start, month.end, by=None)
    section = case(
        (or_(entries.c.is_correction, entries.c.kind == ADJUSTMENT), literal("adjustments")),
        (entries.c.kind == SHARED_COST, literal("shared")),
        (entries.c.kind.in_(_TRAINING), literal("training")),
        else_=literal("inference"),
    ).label("section")
    keys = [
        entries.c.team_id,
        section,
        entries.c.department_id,
        entries.c.cost_center,
        # What the line is for, where its kind does not say: the name of a shared cost.
        case((entries.c.kind == SHARED_COST, entries.c.tags[SHARED_COST].astext)).label("description"),
        entries.c.provider,
        entries.c.base_model,
        entries.c.model,
        entries.c.kind,
        entries.c.unit,
        entries.c.price_id,
        PriceRow.amount_usd.label("price_usd"),
        PriceRow.unit_quantity,
    ]
    sums = func.sum(entries.c.quantity).label("quantity"), func.sum(entries.c.amount_usd).label("amount_usd")
    query = (
        select(*keys, *sums)
        .join_from(entries, PriceRow, PriceRow.id == entries.c.price_id, isouter=True)
        .group_by(*keys)
        .order_by(*keys)
    )
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


def _in_order(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: SECTIONS.index(line["section"]))

"""Maintain daily and monthly sums of entries, and read entries through them.

A chore adds entries to the sums; charging never does. A team's entries are numbered without gaps in the order
of their commits, so a mark (`RollupMark`) splits them exactly into those in the sums and those not. A report
reads the sums and the few rows after the mark in one statement. It is therefore exact however far behind the
sums are, only slower.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Date,
    Integer,
    MappingResult,
    Select,
    Subquery,
    and_,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.ledger.rollups.tables import DaySum, EntryGroup, MonthSum, RollupMark
from service.ledger.tables import Entry, LedgerAccount, numbered

_ROLL = text("SELECT ledger_roll(:team_id, :most)")
_MOST = 50_000  # entries per team and transaction; takes about half a second

Span = Literal["day", "month"]

_SHARED = (
    "team_id",
    "key_id",
    "kind",
    "unit",
    "tier",
    "model",
    "base_model",
    "provider",
    "method",
    "job_id",
    "price_id",
    "tags",
    "department_id",
    "cost_center",
)


def roll_up(session: Session, most: int = _MOST) -> int:
    """Add up to `most` new entries of every team to the sums, and return how many were added."""
    return sum(roll_up_team(session, team_id, most) for team_id in teams_behind(session))


def teams_behind(session: Session) -> Sequence[str]:
    """Return the teams with entries that are not in the sums yet."""
    behind = (
        select(LedgerAccount.id)
        .join(RollupMark, RollupMark.team_id == LedgerAccount.id, isouter=True)
        .where(LedgerAccount.scope == "team", LedgerAccount.last_number > func.coalesce(RollupMark.number, 0))
        .order_by(LedgerAccount.id)
    )
    return session.scalars(behind).all()


def roll_up_team(session: Session, team_id: str, most: int = _MOST) -> int:
    """Add up to `most` new entries of a team to the sums, and return how many were added."""
    return session.scalar(_ROLL, {"team_id": team_id, "most": most}) or 0


def booked(
    team_id: str | None, start: datetime | None, end: datetime | None, *, by: Span | None = "day"
) -> Subquery:
    """Select the entries booked from `start` until before `end`, from the sums as far as possible.

    The columns are those that entries can be grouped by, `is_correction`, `entries` (their number),
    `quantity`, `amount_usd` and `day`. `day` is the date, the first of the month if `by` is "month", or null
    if `by` is None.
    """
    first, last = _whole_days(start, end)
    parts = [_sums(team_id, first, last, by), _behind_the_mark(team_id, start, end, by)]
    if edges := part_days(start, end):
        parts.append(_rows_in_sums(team_id, edges, by))
    return union_all(*parts).subquery("booked")


def read(session: Session, query: Select[Any] | CompoundSelect[Any]) -> MappingResult:
    """Run a report's query and return its rows."""
    return session.execute(query).mappings()


def _whole_days(start: datetime | None, end: datetime | None) -> tuple[date | None, date | None]:
    """Return the first whole day of a range, and the day after its last whole one."""
    first = None if start is None else (start + timedelta(days=1) - timedelta(microseconds=1)).date()
    return first, None if end is None else end.date()


def part_days(start: datetime | None, end: datetime | None) -> list[tuple[datetime, datetime]]:
    """Return the parts of a range that do not cover whole days, for which `booked` reads entries."""
    first, last = _whole_days(start, end)
    if start is not None and end is not None and first is not None and last is not None and first > last:
        return [(start, end)]  # within one day
    found = []
    if start is not None and first is not None and start < _midnight(first):
        found.append((start, _midnight(first)))
    if end is not None and last is not None and end > _midnight(last):
        found.append((_midnight(last), end))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _sums(
    team_id: str | None, first: date | None, last: date | None, by: Span | None
) -> Select[tuple[object, ...]]:
    whole_months = all(bound is None or bound.day == 1 for bound in (first, last))
    # Both tables have the same columns, except for the name of the date.
    monthly = by != "day" and whole_months
    table, moment = (MonthSum, MonthSum.month) if monthly else (DaySum, DaySum.day)
    figures = table.entries, table.quantity, table.amount_usd
    if by == ("month" if monthly else "day"):
        query = select(table.group_id, moment.label("day"), *figures)
    else:
        # Sums are narrow and groups wide, so add up by group id first and join the groups afterwards.
        day = _span(moment, by).label("day")
        totals = [func.sum(column).label(column.key) for column in figures]
        query = select(table.group_id, day, *totals).group_by(table.group_id, *([day] if by else []))
    if team_id is not None:
        query = query.where(table.team_id == team_id)
    if first is not None:
        query = query.where(moment >= first)
    if last is not None:
        query = query.where(moment < last)
    if first is not None and last is not None and first > last:
        query = query.where(false())
    sums = query.subquery("sums")
    columns = [getattr(EntryGroup, name) for name in _SHARED]
    return select(
        *columns,
        EntryGroup.is_correction,
        sums.c.day,
        cast(sums.c.entries, BigInteger).label("entries"),
        sums.c.quantity,
        sums.c.amount_usd,
    ).join_from(sums, EntryGroup, EntryGroup.id == sums.c.group_id)


def _span(day: ColumnElement[date] | InstrumentedAttribute[date], by: Span | None) -> ColumnElement[Any]:
    if by is None:
        return cast(null(), Date)
    if by == "day":
        return cast(day, Date)
    return cast(day, Date) - (cast(func.extract("day", day), Integer) - 1)


def _rows(by: Span | None) -> Select[tuple[object, ...]]:
    columns = [getattr(Entry, name) for name in _SHARED]
    return select(
        *columns,
        Entry.corrects.is_not(None).label("is_correction"),
        _span(func.ledger_day(Entry.booked_at), by).label("day"),
        cast(literal(1, literal_execute=True), BigInteger).label("entries"),
        Entry.quantity,
        Entry.amount_usd,
    )


def _behind_the_mark(
    team_id: str | None, start: datetime | None, end: datetime | None, by: Span | None
) -> Select[tuple[object, ...]]:
    # With both bounds, the planner sees a short range of the primary key.
    mark = func.coalesce(RollupMark.number, 0)
    query = (
        _rows(by)
        .select_from(LedgerAccount)
        .join(RollupMark, RollupMark.team_id == LedgerAccount.id, isouter=True)
        .join(
            Entry,
            and_(Entry.team_id == LedgerAccount.id, numbered(mark, LedgerAccount.last_number)),
        )
        .where(LedgerAccount.scope == "team", LedgerAccount.last_number > mark)
    )
    if team_id is not None:
        query = query.where(LedgerAccount.id == team_id, Entry.team_id == team_id)
    if start is not None:
        query = query.where(Entry.booked_at >= start)
    if end is not None:
        query = query.where(Entry.booked_at < end)
    return query


def _rows_in_sums(
    team_id: str | None, edges: Sequence[tuple[datetime, datetime]], by: Span | None
) -> Select[tuple[object, ...]]:
    query = _rows(by).join(
        RollupMark, and_(RollupMark.team_id == Entry.team_id, Entry.number <= RollupMark.number)
    )
    if team_id is not None:
        query = query.where(Entry.team_id == team_id)
    return query.where(or_(*(and_(Entry.booked_at >= start, Entry.booked_at < end) for start, end in edges)))

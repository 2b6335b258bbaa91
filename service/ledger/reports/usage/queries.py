"""Costs and usage in time buckets, as OpenAI's admin API returns them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Integer, Subquery, cast, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from service.catalog.price import PriceKind
from service.core import clock
from service.ledger.archive.queries import WHOLE_DAYS, refuse_archived
from service.ledger.rollups.sums import booked, part_days, read
from service.ledger.tables import Entry

Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
Group = Callable[[Columns], ColumnElement[Any]]

_DAY_S = 86_400
_INPUT = (PriceKind.INPUT_TOKENS.value, PriceKind.CACHED_INPUT_TOKENS.value)
_USE = (*_INPUT, PriceKind.OUTPUT_TOKENS.value)


@dataclass(frozen=True)
class Buckets:
    """Equal spans of time, in unix seconds. `start` is a multiple of `width_s`; `end` is exclusive."""

    start: int
    end: int
    width_s: int

    def starts(self) -> Sequence[int]:
        """The first second of each bucket."""
        return range(self.start, self.end, self.width_s)


@dataclass(frozen=True)
class Filters:
    """The entries to count. An empty collection does not filter; `team_id` limits the caller to one team."""

    team_id: str | None
    team_ids: Collection[str] = ()
    key_ids: Collection[str] = ()
    models: Collection[str] = ()
    line_items: Collection[str] = ()

    def conditions(self, of: Columns) -> list[ColumnElement[bool]]:
        """Convert all filters except `team_id` to SQL conditions."""
        wanted: list[tuple[ColumnElement[Any], Collection[str]]] = [
            (of.team_id, self.team_ids),
            (of.key_id, self.key_ids),
            (of.model, self.models),
            (line_item(of), self.line_items),
        ]
        return [column.in_(values) for column, values in wanted if values]


@dataclass(frozen=True)
class UsageBucket:
    """One span of time, with a row per group that has entries in it."""

    start: int
    end: int
    rows: list[Mapping[str, Any]] = field(default_factory=list)


def line_item(of: Columns) -> ColumnElement[Any]:
    """The line item, as OpenAI names it: the model and the kind."""
    return of.model + ", " + of.kind


def cost_buckets(
    session: Session, buckets: Buckets, filters: Filters, groups: Mapping[str, Group]
) -> list[UsageBucket]:
    """Return amounts per bucket and group, with quantities and the number of units that they are in."""
    of = _source(session, buckets, filters).c
    sums: dict[str, ColumnElement[Any]] = {
        "amount_usd": func.sum(of.amount_usd),
        "quantity": func.sum(of.quantity),
        "unit": func.min(of.unit),
        "units": func.count(of.unit.distinct()),
    }
    return _fill(session, buckets, of, filters.conditions(of), groups, sums)


def completion_buckets(
    session: Session, buckets: Buckets, filters: Filters, groups: Mapping[str, Group]
) -> list[UsageBucket]:
    """Return tokens and requests per bucket and group. Requests are counted by their input token entries."""
    of = _source(session, buckets, filters).c
    requests = func.sum(of.entries).filter(of.kind == PriceKind.INPUT_TOKENS.value, ~of.is_correction)
    sums: dict[str, ColumnElement[Any]] = {
        "input_tokens": _tokens(of, of.kind.in_(_INPUT)),
        "input_cached_tokens": _tokens(of, of.kind == PriceKind.CACHED_INPUT_TOKENS.value),
        "output_tokens": _tokens(of, of.kind == PriceKind.OUTPUT_TOKENS.value),
        "num_model_requests": cast(func.coalesce(requests, 0), BigInteger),
    }
    return _fill(session, buckets, of, [*filters.conditions(of), of.kind.in_(_USE)], groups, sums)


def _tokens(of: Columns, of_kind: ColumnElement[bool]) -> ColumnElement[Any]:
    return cast(func.coalesce(func.sum(of.quantity).filter(of_kind), 0), BigInteger)


def _source(session: Session, buckets: Buckets, filters: Filters) -> Subquery:
    """Select entries with their bucket's number as `place`: from daily sums if possible, else from rows."""
    start, end = _moment(buckets.start), _moment(buckets.end)
    by_day = buckets.width_s % _DAY_S == 0
    spans = part_days(start, end) if by_day else [(start, end)]
    remedy = WHOLE_DAYS if by_day else "Use the bucket width 1d: sums of whole days remain."
    refuse_archived(session, spans, param="start_time", remedy=remedy)
    if by_day:
        days = booked(filters.team_id, start, end)
        since = cast(days.c.day - cast(literal(start.date(), Date), Date), Integer)
        return select(*days.c, (since // (buckets.width_s // _DAY_S)).label("place")).subquery()
    into = (func.extract("epoch", Entry.booked_at) - buckets.start) / buckets.width_s
    rows = select(
        Entry,
        Entry.corrects.is_not(None).label("is_correction"),
        cast(literal(1, literal_execute=True), BigInteger).label("entries"),
        cast(func.floor(into), BigInteger).label("place"),
    ).where(Entry.booked_at >= start, Entry.booked_at < end)
    if filters.team_id is not None:
        rows = rows.where(Entry.team_id == filters.team_id)
    return rows.subquery()


def _fill(
    session: Session,
    buckets: Buckets,
    of: Columns,
    conditions: Collection[ColumnElement[bool]],
    groups: Mapping[str, Group],
    sums: Mapping[str, ColumnElement[Any]],
) -> list[UsageBucket]:
    keys = [of.place.label("place"), *(group(of).label(name) for name, group in groups.items())]
    query = select(*keys, *(total.label(name) for name, total in sums.items()))
    filled = [UsageBucket(start, min(start + buckets.width_s, buckets.end)) for start in buckets.starts()]
    for row in read(session, query.where(*conditions).group_by(*keys).order_by(*keys)):
        filled[row["place"]].rows.append(dict(row))
    return filled


def _moment(seconds: int) -> datetime:
    return clock.from_unix(seconds)

"""Costs and usage in time buckets, as OpenAI's admin API tells them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core import clock
from service.ledger.tables import Entry

LINE_ITEM = Entry.model.expression + ", " + Entry.kind.expression

_INPUT = (PriceKind.INPUT_TOKENS.value, PriceKind.CACHED_INPUT_TOKENS.value)
_USE = (*_INPUT, PriceKind.OUTPUT_TOKENS.value)


@dataclass(frozen=True)
class Buckets:
    """Equal spans of time; `start` is a multiple of `width_s` in unix seconds, `end` lies outside."""

    start: int
    end: int
    width_s: int

    def starts(self) -> Sequence[int]:
        """The first second of each."""
        return range(self.start, self.end, self.width_s)


@dataclass(frozen=True)
class Filters:
    """What is counted; an empty collection leaves nothing out, `team_id` is the reader's own team if any."""

    team_id: str | None
    team_ids: Collection[str] = ()
    key_ids: Collection[str] = ()
    models: Collection[str] = ()
    line_items: Collection[str] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL conditions."""
        found = [] if self.team_id is None else [Entry.team_id == self.team_id]
        wanted: list[tuple[ColumnElement[Any], Collection[str]]] = [
            (Entry.team_id.expression, self.team_ids),
            (Entry.key_id.expression, self.key_ids),
            (Entry.model.expression, self.models),
            (LINE_ITEM, self.line_items),
        ]
        return found + [column.in_(values) for column, values in wanted if values]


@dataclass(frozen=True)
class Bucket:
    """One span of time with a row per group that had anything in it."""

    start: int
    end: int
    rows: list[Mapping[str, Any]] = field(default_factory=list)


def cost_buckets(
    session: Session, buckets: Buckets, filters: Filters, groups: Mapping[str, ColumnElement[Any]]
) -> list[Bucket]:
    """Amounts per bucket and group, with a quantity where the group has a single unit."""
    sums: dict[str, ColumnElement[Any]] = {
        "amount_usd": func.sum(Entry.amount_usd),
        "quantity": func.sum(Entry.quantity),
        "unit": func.min(Entry.unit),
        "units": func.count(Entry.unit.distinct()),
    }
    return _fill(session, buckets, filters.conditions(), groups, sums)


def completion_buckets(
    session: Session, buckets: Buckets, filters: Filters, groups: Mapping[str, ColumnElement[Any]]
) -> list[Bucket]:
    """Tokens and requests per bucket and group. A request is counted by its entry for uncached input."""
    sums: dict[str, ColumnElement[Any]] = {
        "input_tokens": _tokens(Entry.kind.in_(_INPUT)),
        "input_cached_tokens": _tokens(Entry.kind == PriceKind.CACHED_INPUT_TOKENS.value),
        "output_tokens": _tokens(Entry.kind == PriceKind.OUTPUT_TOKENS.value),
        "num_model_requests": func.count().filter(
            Entry.kind == PriceKind.INPUT_TOKENS.value, Entry.corrects.is_(None)
        ),
    }
    return _fill(session, buckets, [*filters.conditions(), Entry.kind.in_(_USE)], groups, sums)


def _tokens(of_kind: ColumnElement[bool]) -> ColumnElement[Any]:
    return cast(func.coalesce(func.sum(Entry.quantity).filter(of_kind), 0), BigInteger)


def _fill(
    session: Session,
    buckets: Buckets,
    conditions: Collection[ColumnElement[bool]],
    groups: Mapping[str, ColumnElement[Any]],
    sums: Mapping[str, ColumnElement[Any]],
) -> list[Bucket]:
    booked = Entry.booked_at >= _moment(buckets.start), Entry.booked_at < _moment(buckets.end)
    place = cast(
        func.floor((func.extract("epoch", Entry.booked_at) - buckets.start) / buckets.width_s), BigInteger
    )
    keys = [place.label("place"), *(expression.label(name) for name, expression in groups.items())]
    query = select(*keys, *(total.label(name) for name, total in sums.items()))
    filled = [Bucket(start, min(start + buckets.width_s, buckets.end)) for start in buckets.starts()]
    for row in session.execute(query.where(*booked, *conditions).group_by(*keys).order_by(*keys)).mappings():
        filled[row["place"]].rows.append(dict(row))
    return filled


def _moment(seconds: int) -> datetime:
    return clock.from_unix(seconds)

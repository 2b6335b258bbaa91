"""Costs, grouped by what the reader asks for. Every grouping adds up to the same total, exactly."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Label, RowMapping, Text, cast, func, select
from sqlalchemy.orm import Session

from service.errors import InvalidRequest
from service.ledger.tables import Entry

TAG_PREFIX = "tag:"
MAX_GROUPS = 4

_UTC_MOMENT = func.timezone("UTC", Entry.booked_at)
# What a grouping is called, what its field is called in a row of the report, and where it comes from.
_DIMENSIONS: Mapping[str, tuple[str, ColumnElement[Any]]] = {
    "team": ("team_id", Entry.team_id.expression),
    "key": ("key_id", Entry.key_id.expression),
    "kind": ("kind", Entry.kind.expression),
    "model": ("model", Entry.model.expression),
    "base": ("base_model", Entry.base_model.expression),
    "job": ("job_id", Entry.job_id.expression),
    "provider": ("provider", Entry.provider.expression),
    "method": ("method", Entry.method.expression),
    "day": ("day", func.to_char(_UTC_MOMENT, "YYYY-MM-DD")),
    "month": ("month", func.to_char(_UTC_MOMENT, "YYYY-MM")),
    "tag": ("tags", cast(Entry.tags, Text)),
}
GROUPINGS = (*_DIMENSIONS, f"{TAG_PREFIX}NAME")


@dataclass(frozen=True)
class Scope:
    """The entries of a report: one team's or, for an admin, all; booked from `start` to before `end`."""

    team_id: str | None
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL conditions."""
        found: list[ColumnElement[bool]] = []
        if self.team_id is not None:
            found.append(Entry.team_id == self.team_id)
        if self.start is not None:
            found.append(Entry.booked_at >= self.start)
        if self.end is not None:
            found.append(Entry.booked_at < self.end)
        return found


@dataclass(frozen=True)
class Report:
    """Rows of group fields, `quantity` and `unit` if grouped by kind, and `amount_usd`; and their sum."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    total_usd: Decimal


def cost_report(session: Session, scope: Scope, group_by: Sequence[str]) -> Report:
    """What was spent in `scope`, per combination of the groups, in their order.

    `tag` groups by the whole set of tags and `tag:NAME` by the value of one, so that each entry counts in
    exactly one row. Raises `InvalidRequest` for a grouping that does not exist, or too many.
    """
    fields = dict(_dimension(name) for name in _checked(group_by))
    groups = [expression.label(name) for name, expression in fields.items()]
    sums: list[Label[Any]] = [func.sum(Entry.amount_usd).label("amount_usd")]
    if "kind" in fields:
        # Tokens and hours cannot be added, but a kind has one unit.
        sums = [func.sum(Entry.quantity).label("quantity"), func.min(Entry.unit).label("unit"), *sums]
    query = select(*groups, *sums).where(*scope.conditions()).group_by(*groups).order_by(*groups)
    rows = [_with_tags(row) for row in session.execute(query).mappings()]
    total = sum((row["amount_usd"] for row in rows), Decimal(0))
    return Report([*fields, *(column.name for column in sums)], rows, total)


def _checked(group_by: Sequence[str]) -> Sequence[str]:
    asked = list(dict.fromkeys(group_by))
    for name in asked:
        if name not in _DIMENSIONS and not (name.startswith(TAG_PREFIX) and name != TAG_PREFIX):
            raise InvalidRequest(
                f"Costs cannot be grouped by {name!r}, only by: {', '.join(GROUPINGS)}.", param="group_by"
            )
    if not 1 <= len(asked) <= MAX_GROUPS:
        raise InvalidRequest(f"Costs are grouped by 1 to {MAX_GROUPS} fields.", param="group_by")
    return asked


def _dimension(name: str) -> tuple[str, ColumnElement[Any]]:
    if name.startswith(TAG_PREFIX):
        return name, Entry.tags[name.removeprefix(TAG_PREFIX)].astext
    return _DIMENSIONS[name]


def _with_tags(row: RowMapping) -> dict[str, Any]:
    found: dict[str, Any] = dict(row)
    if "tags" in found:
        found["tags"] = json.loads(found["tags"])
    return found

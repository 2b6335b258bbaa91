"""Cost reports, grouped as the caller asks. Every grouping adds up to exactly the same total."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Label, Subquery, func, select
from sqlalchemy.orm import Session

from service.errors import InvalidRequest
from service.ledger.archive.queries import WHOLE_DAYS, refuse_archived
from service.ledger.kinds import HOSTING_TAG, IDLE
from service.ledger.reports.names import add_names
from service.ledger.reports.units import UNIT_COLUMNS, unit_sums, with_unit_costs
from service.ledger.rollups.sums import Span, booked, part_days, read

TAG_PREFIX = "tag:"
MAX_GROUPS = 4

# The field that each grouping adds to the rows of a report.
_FIELDS: Mapping[str, str] = {
    "team": "team_id",
    "key": "key_id",
    "kind": "kind",
    "model": "model",
    "base": "base_model",
    "job": "job_id",
    "provider": "provider",
    "method": "method",
    "day": "day",
    "month": "month",
    "tag": "tags",
    "department": "department_id",
    "cost_center": "cost_center",
}
_COMMA = re.compile(r"(?<!\\),")
GROUPINGS = (*_FIELDS, f"{TAG_PREFIX}NAME")


@dataclass(frozen=True)
class CostScope:
    """The entries of a report: those booked from `start` until before `end`, of one team or of all (None)."""

    team_id: str | None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class CostReport:
    """Rows with the group fields, `quantity` and `unit` if grouped by kind, and `amount_usd`; the total.

    `idle_usd` is the part of the total for hours of deployed models in which no request came.
    """

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    total_usd: Decimal
    idle_usd: Decimal


def cost_report(
    session: Session, scope: CostScope, group_by: Sequence[str], *, with_units: bool = False
) -> CostReport:
    """Return the costs in `scope`, with one row per combination of groups, ordered by them.

    `tag` groups by the whole set of tags and `tag:NAME` by the value of one tag, so each entry counts in
    exactly one row. `with_units` adds `UNIT_COLUMNS`. Raises `InvalidRequest` for an unknown grouping, for
    too many, and for part of a day of an archived month.
    """
    names = _checked(group_by)
    refuse_archived(session, part_days(scope.start, scope.end), param="start_time", remedy=WHOLE_DAYS)
    by: Span | None = "day" if "day" in names else "month" if "month" in names else None
    entries = booked(scope.team_id, scope.start, scope.end, by=by)
    fields = dict(_dimension(name, entries) for name in names)
    # Labelled by position, because PostgreSQL truncates names to 63 bytes and two tags could then collide.
    groups = [expression.label(f"group_{place}") for place, expression in enumerate(fields.values())]
    sums: list[Label[Any]] = [func.sum(entries.c.amount_usd).label("amount_usd")]
    idle_sum = func.sum(entries.c.amount_usd).filter(entries.c.tags[HOSTING_TAG].astext == IDLE)
    if "kind" in fields:
        # Quantities can be summed only per kind, because each kind has a single unit.
        quantity, unit = func.sum(entries.c.quantity), func.min(entries.c.unit)
        sums = [quantity.label("quantity"), unit.label("unit"), *sums]
    units = unit_sums(entries) if with_units else []
    query = select(*groups, *sums, *units, idle_sum.label("idle_usd")).group_by(*groups).order_by(*groups)
    names_of = {f"group_{place}": field for place, field in enumerate(fields)}
    rows = [
        _in_words({names_of.get(name, name): value for name, value in row.items()})
        for row in read(session, query)
    ]
    total = sum((row["amount_usd"] for row in rows), Decimal(0))
    if with_units:
        rows = [with_unit_costs(row) for row in rows]
    idle = sum((row.pop("idle_usd") or Decimal(0) for row in rows), Decimal(0))
    columns, rows = add_names(
        session, [*fields, *(column.name for column in sums), *(UNIT_COLUMNS if with_units else ())], rows
    )
    return CostReport(columns, rows, total, idle)


def groups_of(texts: Sequence[str]) -> list[str]:
    r"""Split `group_by` parameters at commas into groupings.

    A comma in the name of a tag is escaped as `\,`: `tag:a\,b`.
    """
    parts = [part for text in texts for part in _COMMA.split(text)]
    return [part.strip().replace(r"\,", ",") for part in parts]


def _checked(group_by: Sequence[str]) -> Sequence[str]:
    asked = list(dict.fromkeys(group_by))
    for name in asked:
        if name not in _FIELDS and not (name.startswith(TAG_PREFIX) and name != TAG_PREFIX):
            raise InvalidRequest(
                f"Costs cannot be grouped by {name!r}. Groupings: {', '.join(GROUPINGS)}.", param="group_by"
            )
    if not 1 <= len(asked) <= MAX_GROUPS:
        raise InvalidRequest(
            f"'group_by' must name 1 to {MAX_GROUPS} different groupings, got {len(asked)}.", param="group_by"
        )
    return asked


def _dimension(name: str, entries: Subquery) -> tuple[str, ColumnElement[Any]]:
    if name.startswith(TAG_PREFIX):
        return name, entries.c.tags[name.removeprefix(TAG_PREFIX)].astext
    field = _FIELDS[name]
    # Grouped by both, the day determines the month.
    return field, entries.c.day if field == "month" else entries.c[field]


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    if "day" in found:
        found["day"] = f"{found['day']:%Y-%m-%d}"
    if "month" in found:
        found["month"] = f"{found['month']:%Y-%m}"
    return found

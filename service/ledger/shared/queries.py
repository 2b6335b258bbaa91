"""Read rules for shared costs, and compute what each team owes for a month."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.errors import NotFound
from service.ledger.closing.months import Month
from service.ledger.departments.queries import allocations_of
from service.ledger.kinds import NOT_USE
from service.ledger.rollups.sums import booked, read
from service.ledger.shared.split import STEP, split
from service.ledger.shared.tables import SharedCostRule

By = Literal["tokens", "requests", "hours", "cost"]

_TRAINING = [kind.value for kind in PriceKind if kind.is_training]
_MOMENT = timedelta(microseconds=1)  # the finest that Postgres stores


@dataclass(frozen=True)
class Share:
    """What a team owes for one department and cost center, for `use` tokens, requests, hours or dollars."""

    team_id: str
    department_id: str | None
    cost_center: str | None
    use: Decimal
    amount_usd: Decimal


def get_rule(session: Session, rule_id: str) -> SharedCostRule:
    """Return a rule. Raises `NotFound`."""
    found = session.get(SharedCostRule, rule_id)
    if found is None:
        raise NotFound(f"There is no shared cost {rule_id!r}. GET /v1/costs/shared lists them.")
    return found


def amount_in(rule: SharedCostRule, month: Month) -> Decimal:
    """Return what the bill comes to in a month, rounded to a micro-dollar.

    A monthly bill that begins or ends within the month counts for that part of it.
    """
    start = max(rule.effective_from, month.start)
    end = min(rule.ended_at or month.end, month.end)
    units = timedelta(hours=1) if rule.per == "hour" else month.end - month.start
    parts = Fraction(max(end - start, timedelta(0)) / _MOMENT) / Fraction(units / _MOMENT)
    return round(Fraction(rule.amount_usd) * parts / Fraction(STEP)) * STEP


def shares_in(session: Session, rule: SharedCostRule, month: Month) -> list[Share]:
    """Divide a month of the bill by the use recorded so far. Empty if the bill is zero."""
    amount_usd = amount_in(rule, month)
    if not amount_usd:
        return []
    used = _used(session, rule, month)
    if not used:
        return [Share(rule.default_team_id, None, None, Decimal(0), amount_usd)]
    parts = split(amount_usd, [row["use"] for row in used])
    return [Share(**row, amount_usd=part) for row, part in zip(used, parts, strict=True) if part]


def _used(session: Session, rule: SharedCostRule, month: Month) -> Sequence[Mapping[str, Any]]:
    entries = booked(None, month.start, month.end, by=None)
    of = entries.c
    limits = {of.provider: rule.provider, of.base_model: rule.base_model, of.model: rule.model}
    keys = of.team_id, of.department_id, of.cost_center
    use = _MEASURES[rule.by](entries)
    query = (
        select(*keys, use.label("use"))
        .where(of.kind.not_in(NOT_USE), *(column == wanted for column, wanted in limits.items() if wanted))
        .group_by(*keys)
        .having(use > 0)
        .order_by(*keys)
    )
    return [dict(row) for row in read(session, query)]


def _inference(entries: Subquery) -> ColumnElement[bool]:
    return entries.c.kind.not_in(_TRAINING)


# Repricing does not change what was used, so only the cost includes corrections.
_MEASURES: Mapping[str, Callable[[Subquery], ColumnElement[Any]]] = {
    "tokens": lambda of: func.sum(of.c.quantity).filter(
        of.c.unit == "tokens", _inference(of), ~of.c.is_correction
    ),
    "requests": lambda of: func.sum(of.c.entries).filter(
        of.c.kind == PriceKind.INPUT_TOKENS.value, ~of.c.is_correction
    ),
    "hours": lambda of: func.sum(of.c.quantity).filter(of.c.unit == "hours", ~of.c.is_correction),
    "cost": lambda of: func.sum(of.c.amount_usd),
}


def moment_of(session: Session, share: Share, month: Month) -> datetime:
    """Return the last moment of the month at which the team had the share's department and cost center.

    A ledger entry gets the department and cost center of the moment at which it occurred.
    """
    until = month.end
    for allocation in allocations_of(session, share.team_id) if share.use else ():  # latest first
        if allocation.effective_from >= until:
            continue
        if (allocation.department_id, allocation.cost_center) == (share.department_id, share.cost_center):
            break
        if allocation.effective_from <= month.start:
            until = month.end  # the team had no such allocation in this month
            break
        until = allocation.effective_from
    return until.astimezone(UTC) - _MOMENT

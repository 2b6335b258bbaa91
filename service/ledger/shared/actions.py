"""Create and end rules for shared costs, and book the shares of ended months."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import Conflict, InvalidRequest
from service.ledger import rows
from service.ledger.actions import append_rows
from service.ledger.closing.months import Month, closed_until, month_named
from service.ledger.kinds import SHARED_COST
from service.ledger.money import usd
from service.ledger.shared.queries import Share, amount_in, moment_of, shares_in
from service.ledger.shared.split import STEP
from service.ledger.shared.tables import SharedCostMonth, SharedCostRule
from service.teams.queries import get_team


def create_rule(session: Session, rule: SharedCostRule, *, created_by: str) -> SharedCostRule:
    """Add a rule, which applies from its `effective_from` on, or from now on if it has none.

    Raises `InvalidRequest` if that lies in a closed month, and `NotFound` for an unknown team.
    """
    get_team(session, rule.default_team_id)
    rule.id, rule.created_by, rule.created_at = ids.new_id("shared_"), created_by, clock.now()
    rule.effective_from = rule.effective_from or rule.created_at
    closed = closed_until(session)
    if closed is not None and rule.effective_from < month_named(f"{closed:%Y-%m}").end:
        raise InvalidRequest(
            f"'effective_from' lies in a closed month; {closed:%Y-%m} is the latest. To charge for closed "
            "months, book adjustments: POST /v1/costs/adjustments.",
            param="effective_from",
        )
    session.add(rule)
    session.flush()
    return rule


def end_rule(rule: SharedCostRule) -> None:
    """End a rule now; its last month is charged up to this moment. Raises `Conflict` if it has ended."""
    if rule.ended_at is not None:
        raise Conflict(f"The shared cost {rule.id} has ended already.", code="shared_cost_ended")
    rule.ended_at = max(clock.now(), rule.effective_from)


def book_until(session: Session, month: Month) -> int:
    """Book the shares of this and all earlier months that have ended, each once; returns how many months."""
    return sum(
        _book(session, rule, each)
        for rule in session.scalars(select(SharedCostRule).order_by(SharedCostRule.id)).all()
        for each in _months(session, rule, month)
    )


def _months(session: Session, rule: SharedCostRule, last: Month) -> Iterator[Month]:
    """Yield the months of a rule that are to be booked, up to `last`."""
    booked = set(session.scalars(select(SharedCostMonth.month).where(SharedCostMonth.rule_id == rule.id)))
    month = month_named(f"{rule.effective_from.astimezone(UTC):%Y-%m}")
    while month.start <= last.start and month.end <= clock.now():
        if month.start.date() not in booked and amount_in(rule, month):
            yield month
        month = month_named(f"{month.end:%Y-%m}")


def _book(session: Session, rule: SharedCostRule, month: Month) -> bool:
    """Book one month's shares; returns whether another process had not done so."""
    day = month.start.date()
    values = {"amount_usd": amount_in(rule, month), "shares": [], "booked_at": clock.now()}
    row = insert(SharedCostMonth).values(rule_id=rule.id, month=day, **values)
    if session.scalar(row.on_conflict_do_nothing().returning(SharedCostMonth.month)) is None:
        return False
    shares = shares_in(session, rule, month)
    team_ids = sorted({share.team_id for share in shares})
    append_rows(session, team_ids, [_entry(session, rule, month, share) for share in shares])
    session.get_one(SharedCostMonth, (rule.id, day)).shares = [as_json(share) for share in shares]
    session.flush()
    return True


def _entry(session: Session, rule: SharedCostRule, month: Month, share: Share) -> dict[str, Any]:
    place = f"{share.team_id}:{share.department_id or ''}:{share.cost_center or ''}"
    return rows.of_correction(
        team_id=share.team_id,
        unique_key=f"{rule.id}:{month.name}:{place}",
        subject_id=rule.id,
        # In micro-dollars, the finest that a bill is divided into.
        quantity=str(share.amount_usd / STEP),
        form={
            "kind": SHARED_COST,
            "unit": "micro_usd",
            "tier": "standard",
            "price_id": None,
            "price_usd": "1",
            "unit_quantity": 1_000_000,
            "provider": rule.provider,
            "base_model": rule.base_model,
            "model": rule.model,
            "tags": {SHARED_COST: rule.name},
        },
        # Rows with a reason keep their time, and count in the budget of their own month alone.
        reason=f"shared cost of {month.name}",
        occurred_at=moment_of(session, share, month).isoformat(),
    )


def as_json(share: Share) -> dict[str, Any]:
    """Return a share as it is stored with its month."""
    return asdict(share) | {"use": f"{share.use.normalize():f}", "amount_usd": usd(share.amount_usd)}

"""Reserve money, charge for usage, and release what is left.

Each action runs one SQL statement, which keeps a team's account locked only briefly: the lock lasts until the
caller's transaction ends. To settle for several teams, make one call, which locks their accounts in a fixed
order.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from service.core import clock
from service.errors import BudgetExceeded
from service.ledger import lost, rows
from service.ledger.budgets.alerts import announce_threshold
from service.ledger.charges import BudgetView, Charge, Hold, HoldAsk, Settlement, explain_refusal
from service.ledger.money import at_least
from service.ledger.reviews.flags import list_for_review
from service.ledger.tables import HoldRow

_PLACE = text("SELECT * FROM ledger_place_holds(CAST(:asks AS jsonb))")
# The accounts that the holds of these subjects count against.
_ANNOUNCE_HELD = text("""
    SELECT * FROM ledger_announce_thresholds(ARRAY(
        SELECT DISTINCT v.id FROM holds h, LATERAL (VALUES
            (h.team_id), (h.key_id), (h.subject_id), (h.department_id), ('organization')) AS v(id)
        WHERE h.team_id = ANY (:team_ids) AND h.subject_id = ANY (:subject_ids)))""")
_SETTLE = text("SELECT * FROM ledger_settle(CAST(:subjects AS jsonb), CAST(:charges AS jsonb))")


def place_hold(
    session: Session,
    *,
    team_id: str,
    subject_id: str,
    amount_usd: Decimal,
    key_id: str | None = None,
    expires_in: timedelta | None = None,
) -> Hold:
    """Reserve money for a piece of work. Raises `BudgetExceeded` with the figures.

    If the subject already has a hold, its amount becomes `amount_usd`, so a replay changes nothing.
    """
    expires_at = None if expires_in is None else clock.now() + expires_in
    answer = place_holds(session, [HoldAsk(team_id, subject_id, amount_usd, key_id, expires_at)])[0]
    if isinstance(answer, BudgetExceeded):
        raise answer
    return answer


def place_holds(session: Session, asks: Sequence[HoldAsk]) -> list[Hold | BudgetExceeded]:
    """Reserve money for many pieces of work at once. Returns a hold or a refusal for each, in order."""
    answers = session.execute(_PLACE, {"asks": rows.of_asks(asks).decode()}).all()
    if any(row.crossed for row in answers):
        placed = {"team_ids": [ask.team_id for ask in asks], "subject_ids": [ask.subject_id for ask in asks]}
        for crossed in session.execute(_ANNOUNCE_HELD, placed).all():
            announce_threshold(session, crossed)
    return [_hold_or_refusal(ask, row) for ask, row in zip(asks, answers, strict=True)]


def _hold_or_refusal(ask: HoldAsk, row: Row[Any]) -> Hold | BudgetExceeded:
    if row.account_id is None:
        return Hold(ask.team_id, ask.subject_id, at_least(ask.amount_usd), ask.key_id)
    period = "total" if row.period_name == "total" else "month"
    budget = BudgetView(
        account_id=row.account_id,
        scope=row.scope,
        limit_usd=row.limit_usd,
        period=period,
        period_name=row.period_name,
        spent_usd=row.spent_usd,
        held_usd=row.held_usd,
    )
    return BudgetExceeded(explain_refusal(budget, ask.amount_usd), param=row.scope)


def settle(session: Session, *, team_id: str, subject_id: str, charges: Sequence[Charge]) -> Decimal:
    """Charge for a piece of work that has ended and release its hold. Returns the sum of the charges.

    Charges that are already in the ledger are not appended again, so a replay changes nothing.
    """
    settlement = Settlement(team_id, subject_id, charges)
    settle_many(session, [settlement])
    return settlement.amount_usd


def settle_many(session: Session, settlements: Sequence[Settlement]) -> None:
    """Settle many pieces of work, of any number of teams, in one statement."""
    encoded = rows.of_settlements(settlements)
    values = {"subjects": encoded.subjects.decode(), "charges": encoded.charges.decode()}
    for crossed in session.execute(_SETTLE, values).all():
        announce_threshold(session, crossed)
    list_for_review(session, settlements)


def append_rows(session: Session, team_ids: Sequence[str], corrections: Sequence[Mapping[str, Any]]) -> None:
    """Append correction rows for these teams, each at most once by its `unique_key`.

    `rows.of_correction` makes them. A caller that computes rows from other rows must
    already hold the teams' locks.
    """
    subjects = [{"team_id": team_id, "subject_id": ""} for team_id in team_ids]
    values = {"subjects": json.dumps(subjects), "charges": json.dumps(list(corrections))}
    for crossed in session.execute(_SETTLE, values).all():
        announce_threshold(session, crossed)


def release_hold(session: Session, *, team_id: str, subject_id: str) -> None:
    """Release the hold of a piece of work that cost nothing. Does nothing if there is no hold."""
    settle_many(session, [Settlement(team_id, subject_id)])


def end_expired(session: Session, limit: int) -> int:
    """End up to `limit` holds whose process has died, and return how many.

    Charges the most that each can have used, marked as uncertain for an admin to review. If the process's own
    settlement arrives late, it has the same unique keys, so nothing is charged twice.
    """
    stale = select(HoldRow).where(HoldRow.expires_at < func.now()).order_by(HoldRow.expires_at).limit(limit)
    holds = session.scalars(stale).all()
    if holds:
        settle_many(session, lost.settlements(session, holds))
    return len(holds)

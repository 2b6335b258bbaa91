"""Add flagged charges to the review list, in the transaction that books them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.events import actions as events
from service.events.types import EventType
from service.ledger.charges import Charge, Settlement
from service.ledger.money import usd
from service.ledger.reviews.tables import CostReview
from service.ledger.tables import Entry, keyed


def list_for_review(session: Session, settlements: Sequence[Settlement]) -> None:
    """Add the flagged charges of these settlements to the review list, each once, with an event for admins.

    `settle_many` calls this after booking them. A charge that was already booked is not listed again.
    """
    flagged = {
        (charge.unique_key, charge.kind.value): charge
        for done in settlements
        for charge in done.charges
        if charge.review is not None
    }
    if not flagged:
        return
    keys = {unique_key for unique_key, _ in flagged}
    booked = select(Entry).where(keyed(keys), Entry.state.is_not(None)).order_by(Entry.number)
    for entry in session.scalars(booked).all():
        _list(session, entry, flagged[entry.unique_key, entry.kind])


def _list(session: Session, entry: Entry, charge: Charge) -> None:
    review = charge.review
    assert review is not None  # noqa: S101 - for the type checker; the caller passes only charges with a review
    row = insert(CostReview).values(
        id=ids.new_id("rev_"),
        team_id=entry.team_id,
        number=entry.number,
        state=review.state,
        reason=review.reason,
        claimed=review.claimed,
        bound=review.bound,
        created_at=clock.now(),
    )
    review_id = session.scalar(row.on_conflict_do_nothing().returning(CostReview.id))
    if review_id is None:
        return
    events.append(
        session,
        team_id=entry.team_id,
        subject_id=review_id,
        type=EventType.COST_FLAGGED,
        level="warn",
        message=(
            f"{entry.subject_id} was charged ${usd(entry.amount_usd)} for {entry.kind}, "
            f"marked as {review.state}: "
            f"{review.reason}. An admin can accept or adjust it: POST /v1/costs/review/{review_id}."
        ),
        data={
            "review_id": review_id,
            "state": review.state,
            "subject_id": entry.subject_id,
            "kind": entry.kind,
            "amount_usd": usd(entry.amount_usd),
        },
    )

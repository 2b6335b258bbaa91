"""Decide what a flagged charge comes to."""

from decimal import Decimal

from sqlalchemy.orm import Session

from service.core import clock
from service.errors import Conflict, NotFound
from service.ledger.adjustments.actions import NewAdjustment, adjust
from service.ledger.reviews.tables import CostReview
from service.ledger.tables import Entry


def get_review(session: Session, review_id: str) -> CostReview:
    """The review of that id. Raises `NotFound`."""
    review = session.get(CostReview, review_id, with_for_update=True)
    if review is None:
        raise NotFound(f"There is no review {review_id!r}; GET /v1/costs/review lists them.", param="id")
    return review


def accept(session: Session, review: CostReview, *, resolved_by: str, note: str | None = None) -> None:
    """Leave the charge as it was booked. Raises `Conflict` when the review is resolved already."""
    _resolve(review, "accepted", resolved_by, note)


def adjust_to(
    session: Session, review: CostReview, amount_usd: Decimal, *, resolved_by: str, note: str
) -> None:
    """Book the difference between the charge and `amount_usd` as an adjustment of the entry.

    The entry's month decides whether it counts in this month's budget. Raises `Conflict` when the review is
    resolved already.
    """
    entry = session.get_one(Entry, (review.team_id, review.number))
    difference = amount_usd - entry.amount_usd
    _resolve(review, "adjusted", resolved_by, note)
    review.adjusted_usd = difference
    if difference:
        new = NewAdjustment(review.team_id, difference, note, entry_number=review.number)
        adjust(session, new, created_by=resolved_by)


def _resolve(review: CostReview, resolution: str, resolved_by: str, note: str | None) -> None:
    if review.resolution is not None:
        raise Conflict(f"Review {review.id} was {review.resolution} before.", code="review_resolved")
    review.resolution = resolution
    review.note = note
    review.resolved_by = resolved_by
    review.resolved_at = clock.now()

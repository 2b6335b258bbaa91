"""Resolve flagged charges: accept or adjust them."""

from decimal import Decimal

from sqlalchemy.orm import Session

from service.core import clock
from service.errors import Conflict
from service.ledger.adjustments.actions import NewAdjustment, adjust
from service.ledger.queries import entry_numbered
from service.ledger.reviews.tables import CostReview


def accept(session: Session, review: CostReview, *, resolved_by: str, note: str | None = None) -> None:
    """Accept the charge as booked. Raises `Conflict` if the review is already resolved."""
    _resolve(review, "accepted", resolved_by, note)


def adjust_to(
    session: Session, review: CostReview, amount_usd: Decimal, *, resolved_by: str, note: str
) -> None:
    """Book the difference between the charge and `amount_usd` as an adjustment of the entry.

    It counts against this month's budget only if the entry is of this month. Raises `Conflict` if the review
    is already resolved.
    """
    entry = entry_numbered(session, review.team_id, review.number)
    difference = amount_usd - entry.amount_usd
    _resolve(review, "adjusted", resolved_by, note)
    review.adjusted_usd = difference
    if difference:
        new = NewAdjustment(review.team_id, difference, note, entry_number=review.number)
        adjust(session, new, created_by=resolved_by)


def _resolve(review: CostReview, resolution: str, resolved_by: str, note: str | None) -> None:
    if review.resolution is not None:
        raise Conflict(
            f"Review {review.id} is already {review.resolution}. To change the amount, book an adjustment of "
            f"entry {review.number}: POST /v1/costs/adjustments.",
            code="review_resolved",
        )
    review.resolution = resolution
    review.note = note
    review.resolved_by = resolved_by
    review.resolved_at = clock.now()

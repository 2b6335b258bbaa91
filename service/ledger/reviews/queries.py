"""Read flagged charges."""

from sqlalchemy.orm import Session

from service.errors import NotFound
from service.ledger.reviews.tables import CostReview


def get_review(session: Session, review_id: str, *, lock: bool = False) -> CostReview:
    """Return a review. To resolve it, `lock` it. Raises `NotFound`."""
    review = session.get(CostReview, review_id, with_for_update=lock)
    if review is None:
        raise NotFound(f"There is no review {review_id!r}; GET /v1/costs/review lists them.", param="id")
    return review

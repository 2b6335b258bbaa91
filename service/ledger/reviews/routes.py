"""Routes for reviewing flagged charges."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select

from service.core.http.pages import ListOut, fetch_page, list_out
from service.core.http.web import RequestSession
from service.ledger.reviews.actions import accept, adjust_to
from service.ledger.reviews.queries import get_review
from service.ledger.reviews.schemas import ReviewOut, ReviewResolve, reviews_out
from service.ledger.reviews.tables import CostReview
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/costs/review", tags=["money"], route_class=IdempotentRoute)


@router.get("")
def list_reviews(
    session: RequestSession,
    _: Admin,
    status: Annotated[
        Literal["waiting", "accepted", "adjusted"] | None, Query(description="Only in this state.")
    ] = None,
    team_id: Annotated[str | None, Query(description="Only of this team.")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ListOut[ReviewOut]:
    """List charges with an implausible or uncertain quantity, newest first."""
    rows = select(CostReview)
    if team_id is not None:
        rows = rows.where(CostReview.team_id == team_id)
    if status == "waiting":
        rows = rows.where(CostReview.resolution.is_(None))
    elif status is not None:
        rows = rows.where(CostReview.resolution == status)
    page = fetch_page(
        session,
        rows,
        sort=CostReview.created_at,
        id_=CostReview.id,
        after=after,
        limit=limit,
        cursors=select(CostReview),  # so that a cursor stays valid after its review is resolved
    )
    return list_out(reviews_out(session, page.rows), page.has_more)


@router.post("/{review_id}")
def resolve_review(review_id: str, body: ReviewResolve, session: RequestSession, caller: Admin) -> ReviewOut:
    """Accept a flagged charge, or adjust it to the correct amount. A review can be resolved once."""
    review = get_review(session, review_id, lock=True)
    if body.action == "adjust" and body.amount_usd is not None and body.reason is not None:
        adjust_to(session, review, body.amount_usd, resolved_by=caller.key_id, note=body.reason)
    else:
        accept(session, review, resolved_by=caller.key_id, note=body.reason)
    return reviews_out(session, [review])[0]

"""The page of charges that an admin has to review."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.ledger.reviews.queries import get_review
from service.ledger.reviews.routes import list_reviews, resolve_review
from service.ledger.reviews.schemas import ReviewResolve, reviews_out
from service.pages.forms import Posted
from service.pages.listing import Column, Field, Listing, amount, more_after, rows_of
from service.pages.render import leave, show
from service.pages.words import moment, plain, short_model
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

Status = Literal["waiting", "accepted", "adjusted"]


@router.get("/admin/reviews")
def reviews(
    request: Request,
    session: RequestSession,
    caller: Admin,
    status: Status = "waiting",
    after: str | None = None,
) -> Response:
    """List flagged charges: what was claimed, what is possible, and what was booked."""
    page = list_reviews(session, caller, status=status, after=after, limit=rows_of(request))
    listing = Listing(
        "reviews",
        f"Charges: {status}",
        (
            Column("Charge"),
            Column("Team"),
            Column("Why"),
            Column("Claimed", True),
            Column("Possible", True),
            Column("Booked, USD", True),
            Column("When", True),
        ),
        [
            (
                Field(one.id, href=f"/admin/reviews/{one.id}", sub=plain(one.kind)),
                Field(one.team_id, sub=short_model(one.model or "")),
                Field(one.reason),
                Field(one.claimed or ""),
                Field(one.bound or ""),
                amount(one.amount_usd),
                Field(moment(one.occurred_at)),
            )
            for one in page.data
        ],
        empty="No charge is waiting for you." if status == "waiting" else "None.",
        more=more_after(request, page.last_id, page.has_more),
    )
    return show(request, "reviews.html", lists=[listing], status_=status)


@router.get("/admin/reviews/{review_id}")
def review(request: Request, review_id: str, session: RequestSession, _: Admin) -> Response:
    """Show one flagged charge, with the forms to accept or adjust it."""
    (found,) = reviews_out(session, [get_review(session, review_id)])
    return show(request, "review.html", review=found)


@router.post("/admin/reviews/{review_id}")
def resolve(
    request: Request, review_id: str, form: Posted, session: RequestSession, caller: Admin
) -> Response:
    """Accept a charge, or adjust it."""
    fields = {
        name: form[name].strip() for name in ("action", "amount_usd", "reason") if form.get(name, "").strip()
    }
    try:
        body = ReviewResolve.model_validate(fields)
    except ValidationError as wrong:
        raise InvalidRequest(wrong.errors()[0]["msg"].removeprefix("Value error, ")) from wrong
    resolve_review(review_id, body, session, caller)
    return leave(request, "/admin/reviews", "The charge is resolved.")

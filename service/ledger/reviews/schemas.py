"""Reviews on the wire."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from service.catalog.price import PRICE_DECIMALS
from service.core.clock import unix
from service.core.http.wire import Name, WireIn, WireOut
from service.ledger.money import usd
from service.ledger.queries import entry_numbered
from service.ledger.reports.names import names_of
from service.ledger.reviews.tables import CostReview
from service.ledger.tables import Entry
from service.teams.keys.tables import ApiKey
from service.teams.tables import Team


class ReviewResolve(WireIn):
    """Accept the charge as booked, or adjust it to the correct amount, with a reason."""

    action: Literal["accept", "adjust"]
    """Accept the charge as booked, or adjust it."""
    amount_usd: (
        Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=PRICE_DECIMALS, examples=["0.05"])]
        | None
    ) = None
    """The correct amount of the charge, to adjust it; null to accept it."""
    reason: Name | None = None
    """Why; required to adjust it."""

    @model_validator(mode="after")
    def _fields_fit(self) -> "ReviewResolve":
        if self.action == "adjust" and (self.amount_usd is None or self.reason is None):
            raise ValueError("to adjust, send 'amount_usd' (the correct amount of the charge) and a 'reason'")
        if self.action == "accept" and self.amount_usd is not None:
            raise ValueError("'amount_usd' is only allowed with the action 'adjust'; leave it out to accept")
        return self


class ReviewOut(WireOut):
    """A flagged charge."""

    object: Literal["cost_review"] = "cost_review"
    id: str
    status: str
    """`waiting`, `accepted` or `adjusted`."""
    state: str
    """Why it is flagged: `uncertain`, `implausible` or `above_budget`."""
    reason: str
    """Why it is flagged, for people."""
    team_id: str
    team_name: str | None
    entry_number: int
    """The number of the ledger entry."""
    subject_id: str
    """The id of the job or request that was charged."""
    job_id: str | None
    """The id of the job; null for a request."""
    key_id: str | None
    """The id of the key; null for none."""
    key_name: str | None
    """The name of the key; null for none."""
    model: str | None
    """The model; null for none."""
    provider: str | None
    """The provider; null for none."""
    kind: str
    """What was charged, such as `output_tokens`."""
    quantity: str
    """The quantity that was charged."""
    claimed: str | None
    """The quantity that the provider reported; null if it reported none."""
    bound: str | None
    """The highest possible quantity; null if there is none."""
    amount_usd: str
    """The amount that was charged."""
    adjusted_usd: str | None
    """The difference that an adjustment booked; null without one."""
    note: str | None
    """The reason of the decision; null without one."""
    occurred_at: int
    """When the use ended, in unix seconds."""
    created_at: int
    resolved_by: str | None
    """The id of the admin key that decided; null while it waits."""
    resolved_at: int | None
    """When it was decided, in unix seconds; null while it waits."""


def reviews_out(session: Session, reviews: Sequence[CostReview]) -> list[ReviewOut]:
    """The wire form of reviews, with their entries and the names of teams and keys."""
    entries = [entry_numbered(session, one.team_id, one.number) for one in reviews]
    teams = names_of(session, Team, (one.team_id for one in reviews))
    keys = names_of(session, ApiKey, (entry.key_id for entry in entries))
    return [
        _review_out(one, entry, teams.get(one.team_id), keys.get(entry.key_id))
        for one, entry in zip(reviews, entries, strict=True)
    ]


def _review_out(review: CostReview, entry: Entry, team_name: str | None, key_name: str | None) -> ReviewOut:
    return ReviewOut(
        id=review.id,
        status=review.resolution or "waiting",
        state=review.state,
        reason=review.reason,
        team_id=review.team_id,
        team_name=team_name,
        entry_number=review.number,
        subject_id=entry.subject_id,
        job_id=entry.job_id,
        key_id=entry.key_id,
        key_name=key_name,
        model=entry.model,
        provider=entry.provider,
        kind=entry.kind,
        quantity=_number(entry.quantity),
        claimed=None if review.claimed is None else _number(review.claimed),
        bound=None if review.bound is None else _number(review.bound),
        amount_usd=usd(entry.amount_usd),
        adjusted_usd=None if review.adjusted_usd is None else usd(review.adjusted_usd),
        note=review.note,
        occurred_at=unix(entry.occurred_at),
        created_at=unix(review.created_at),
        resolved_by=review.resolved_by,
        resolved_at=None if review.resolved_at is None else unix(review.resolved_at),
    )


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"

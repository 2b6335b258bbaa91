"""The page of shutdowns: what stops answering, when, and what it takes along."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.core.http.web import RequestSession
from service.models.shutdowns.routes import list_shutdowns
from service.models.shutdowns.schemas import ShutdownOut
from service.pages.listing import Column, Field, Listing
from service.pages.render import show
from service.pages.words import count
from service.teams.access import Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

_COLUMNS = (
    Column("Base model"),
    Column("Provider"),
    Column("Shuts down"),
    Column("Days left", True),
    Column("Your models"),
    Column("Your aliases"),
)


@router.get("/shutdowns")
def shutdowns(request: Request, session: RequestSession, caller: Reader) -> Response:
    """List coming shutdowns, those that affect the team first."""
    found = list_shutdowns(session, caller).data
    own = [one for one in found if one.model_count or one.aliases]
    others = [one for one in found if one not in own]
    return show(
        request,
        "shutdowns.html",
        lists=[
            Listing(
                "affected",
                "These affect you",
                _COLUMNS,
                [_row(one) for one in own],
                empty="No announced shutdown affects your models.",
            ),
            Listing("others", "Others on offer", _COLUMNS, [_row(one) for one in others], empty="None."),
        ],
        models=[(model, one) for one in own for model in one.models],
    )


def _row(one: ShutdownOut) -> tuple[Field, ...]:
    return (
        Field(one.model, sub=f"no new training from {one.training_ends}" if one.training_ends else ""),
        Field(one.provider),
        Field(one.shutdown_date),
        Field(count(one.days_left)),
        Field(count(one.model_count) if one.model_count else ""),
        Field(", ".join(one.aliases)),
    )

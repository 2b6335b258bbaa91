"""The pages of all teams: the list, a new one, and the choice of the one to act for."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession
from service.errors import TunehouseError
from service.ledger.closing.months import present_month
from service.ledger.queries import limits_of
from service.ledger.reports.costs import CostScope, cost_report
from service.pages.forms import Posted
from service.pages.listing import Column, Field, Listing, amount, more_after, rows_of
from service.pages.render import Refilled, leave, show
from service.pages.words import moment
from service.people.actions import choose_team
from service.teams.access import Admin, Caller
from service.teams.idempotency import IdempotentRoute
from service.teams.queries import get_team
from service.teams.routes import create_team, list_teams
from service.teams.schemas import TeamCreate

router = APIRouter(route_class=IdempotentRoute)

_NO_NAME = "Give the team a name, and a slug of lower-case letters, digits and hyphens."


@router.get("/admin/teams")
def teams(request: Request, session: RequestSession, caller: Admin, after: str | None = None) -> Response:
    """List the teams, with what each has spent this month and its limit."""
    return _page(request, session, caller, after)


@router.post("/admin/teams")
def create(request: Request, form: Posted, session: RequestSession, caller: Admin) -> Response:
    """Create a team."""
    values = {name: form.get(name, "").strip() for name in ("name", "slug")}
    try:
        team = create_team(TeamCreate.model_validate(values), session, caller)
    except (TunehouseError, ValidationError) as refusal:
        error = _NO_NAME if isinstance(refusal, ValidationError) else refusal.message
        raise Refilled(_page(request, session, caller, None, values, error)) from refusal
    choose_team(session, request.state.signed_in.session_id, team.id)
    return leave(request, "/team", f"{team.name} is created. Create its first key.")


@router.get("/teams/choose")
def choices(request: Request, session: RequestSession, caller: Admin, after: str | None = None) -> Response:
    """List the teams to act for."""
    page = list_teams(session, caller, after=after, limit=rows_of(request))
    return show(
        request,
        "choose.html",
        teams=page.data,
        more=more_after(request, page.last_id, page.has_more),
    )


@router.post("/teams/choose")
def choose(request: Request, form: Posted, session: RequestSession, _: Admin) -> Response:
    """Act for a team from now on, or for none."""
    team_id = form.get("team") or None
    if team_id is not None:
        get_team(session, team_id)
    choose_team(session, request.state.signed_in.session_id, team_id)
    return leave(request, "/")


def _page(
    request: Request,
    session: Session,
    caller: Caller,
    after: str | None,
    values: dict[str, str] | None = None,
    error: str = "",
) -> Response:
    page = list_teams(session, caller, after=after, limit=rows_of(request))
    month = present_month()
    report = cost_report(session, CostScope(None, month.start, month.end), ["team"])
    spent = {row["team_id"]: row["amount_usd"] for row in report.rows}
    limits = limits_of(session, [team.id for team in page.data])
    listing = Listing(
        "teams",
        "Teams",
        (
            Column("Team"),
            Column("Id", only_csv=True),
            Column("Slug"),
            Column(f"Spent in {month.name}, USD", True),
            Column("Budget, USD", True),
            Column("Created", True),
        ),
        [
            (
                Field(team.name, href=f"/?team={team.id}"),
                Field(team.id),
                Field(team.slug),
                amount(spent.get(team.id)),
                amount(limits.get(team.id)),
                Field(moment(team.created_at)),
            )
            for team in page.data
        ],
        empty="No team yet.",
        more=more_after(request, page.last_id, page.has_more),
    )
    return show(
        request,
        "teams.html",
        lists=[listing],
        status=422 if error else 200,
        filled=values or {"name": "", "slug": ""},
        error=error,
    )

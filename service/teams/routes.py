"""Routes for teams."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.teams import actions, queries
from service.teams.access import Admin, Manager, own_team
from service.teams.actions import LeftJobs
from service.teams.idempotency import IdempotentRoute
from service.teams.schemas import TeamCreate, TeamDeleted, TeamOut, TeamUpdate, team_out

router = APIRouter(prefix="/v1/teams", tags=["teams"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.post("")
def create_team(body: TeamCreate, session: RequestSession, _: Admin) -> TeamOut:
    """Create a team."""
    return team_out(actions.create_team(session, name=body.name, slug=body.slug, labels=body.metadata))


@router.get("")
def list_teams(
    session: RequestSession, _: Admin, after: str | None = None, limit: Limit = 20
) -> ListOut[TeamOut]:
    """List the teams that are not archived, newest first."""
    page = queries.list_teams(session, after, limit)
    return list_out([team_out(team) for team in page.rows], page.has_more)


@router.get("/{team_id}")
def retrieve_team(team_id: str, session: RequestSession, caller: Manager) -> TeamOut:
    """Get a team. Admins can get any team, others only their own."""
    return team_out(own_team(session, caller, team_id))


@router.post("/{team_id}")
def update_team(team_id: str, body: TeamUpdate, session: RequestSession, _: Admin) -> TeamOut:
    """Change a team's name or metadata."""
    team = actions.team_in_service(session, team_id)
    return team_out(actions.update_team(team, name=body.name, labels=body.metadata))


@router.delete("/{team_id}")
def delete_team(
    team_id: str,
    session: RequestSession,
    _: Admin,
    jobs: Annotated[
        LeftJobs, Query(description="Let unfinished jobs `finish`, and charge them, or `cancel` them.")
    ] = LeftJobs.FINISH,
) -> TeamDeleted:
    """Archive a team: its keys stop working at once, and nobody can create anything for it, not even admins.

    The team's history and costs are kept.
    """
    actions.archive_team(session, queries.get_team(session, team_id), jobs)
    return TeamDeleted(id=team_id)

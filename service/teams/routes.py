"""Routes for teams and their keys."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query

from service.core.clock import from_unix, now
from service.core.pages import ListOut, list_out
from service.core.web import RequestSession
from service.errors import Forbidden, InvalidRequest, NotFound
from service.teams import actions, queries
from service.teams.access import Admin, Caller, Manager
from service.teams.idempotency import IdempotentRoute
from service.teams.schemas import (
    KeyCreate,
    KeyDeleted,
    KeyOut,
    KeyWithSecret,
    TeamCreate,
    TeamDeleted,
    TeamOut,
    TeamUpdate,
    key_out,
    team_out,
)
from service.teams.tables import Team

router = APIRouter(prefix="/v1/teams", tags=["teams"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.post("")
def create_team(body: TeamCreate, session: RequestSession, _: Admin) -> TeamOut:
    """Make a team."""
    return team_out(actions.create_team(session, name=body.name, slug=body.slug, labels=body.metadata))


@router.get("")
def list_teams(
    session: RequestSession, _: Admin, after: str | None = None, limit: Limit = 20
) -> ListOut[TeamOut]:
    """List the teams in service, newest first."""
    page = queries.list_teams(session, after, limit)
    return list_out([team_out(team) for team in page.rows], page.has_more)


@router.get("/{team_id}")
def retrieve_team(team_id: str, session: RequestSession, caller: Manager) -> TeamOut:
    """Look at a team: any as admin, otherwise one's own."""
    return team_out(_reachable_team(session, caller, team_id))


@router.post("/{team_id}")
def update_team(team_id: str, body: TeamUpdate, session: RequestSession, _: Admin) -> TeamOut:
    """Change a team's name or metadata."""
    team = queries.get_team(session, team_id)
    return team_out(actions.update_team(team, name=body.name, labels=body.metadata))


@router.delete("/{team_id}")
def delete_team(team_id: str, session: RequestSession, _: Admin) -> TeamDeleted:
    """Archive a team: its keys stop working at once; what it did and cost stays on record."""
    actions.archive_team(session, queries.get_team(session, team_id))
    return TeamDeleted(id=team_id)


@router.post("/{team_id}/keys")
def create_key(team_id: str, body: KeyCreate, session: RequestSession, caller: Manager) -> KeyWithSecret:
    """Make a key; this answer is the only one that ever shows its secret."""
    team = _reachable_team(session, caller, team_id)
    _refuse_escalation(caller, body.scopes)
    expires_at = from_unix(body.expires_at) if body.expires_at else None
    if expires_at and expires_at <= now():
        raise InvalidRequest("'expires_at' is in the past.", param="expires_at")
    key, secret = actions.create_key(
        session, team=team, name=body.name, scopes=body.scopes, expires_at=expires_at
    )
    return KeyWithSecret(**key_out(key).model_dump(), secret=secret)


@router.get("/{team_id}/keys")
def list_keys(
    team_id: str, session: RequestSession, caller: Manager, after: str | None = None, limit: Limit = 20
) -> ListOut[KeyOut]:
    """List a team's keys, revoked ones included, newest first."""
    team = _reachable_team(session, caller, team_id)
    page = queries.list_keys(session, team.id, after, limit)
    return list_out([key_out(key) for key in page.rows], page.has_more)


@router.post("/{team_id}/keys/{key_id}/rotate")
def rotate_key(team_id: str, key_id: str, session: RequestSession, caller: Manager) -> KeyWithSecret:
    """Replace a key by one like it; the old one stops working at once."""
    team = _reachable_team(session, caller, team_id)
    actions.keep_in_service(session, team)
    old = queries.get_key(session, team.id, key_id)
    _refuse_escalation(caller, old.scopes)
    key, secret = actions.rotate_key(session, team, old)
    return KeyWithSecret(**key_out(key).model_dump(), secret=secret)


@router.delete("/{team_id}/keys/{key_id}")
def delete_key(team_id: str, key_id: str, session: RequestSession, caller: Manager) -> KeyDeleted:
    """Revoke a key; it stays in the list, for the record."""
    team = _reachable_team(session, caller, team_id)
    actions.revoke_key(queries.get_key(session, team.id, key_id))
    return KeyDeleted(id=key_id)


def _reachable_team(session: RequestSession, caller: Caller, team_id: str) -> Team:
    """An admin reaches every team, a team's key its own; any other answers as if it did not exist."""
    if not caller.is_admin and caller.team_id != team_id:
        raise NotFound(f"There is no team {team_id!r}.", param="team_id")
    return queries.get_team(session, team_id)


def _refuse_escalation(caller: Caller, scopes: Iterable[str]) -> None:
    missing = set(scopes) - caller.scopes
    if missing:
        raise Forbidden(
            f"This key cannot give scopes it lacks: {', '.join(sorted(missing))}.", param="scopes"
        )

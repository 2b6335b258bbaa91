"""Routes for the keys of a team."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from service.core.clock import from_unix, now
from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.teams.access import Manager, own_team
from service.teams.actions import keep_in_service
from service.teams.idempotency import IdempotentRoute
from service.teams.keys import actions, queries
from service.teams.keys.authority import maker_of, require_may_rotate
from service.teams.keys.schemas import KeyCreate, KeyDeleted, KeyOut, KeyRotate, KeyWithSecret, key_out
from service.teams.keys.tables import ApiKey

router = APIRouter(prefix="/v1/teams/{team_id}/keys", tags=["teams"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.post("")
def create_key(team_id: str, body: KeyCreate, session: RequestSession, caller: Manager) -> KeyWithSecret:
    """Create a key; only this answer shows its secret."""
    team = own_team(session, caller, team_id)
    keep_in_service(session, team)
    expires_at = from_unix(body.expires_at) if body.expires_at else None
    if expires_at and expires_at <= now():
        raise InvalidRequest("'expires_at' is in the past.", param="expires_at")
    key, secret = actions.create_key(
        session,
        team=team,
        name=body.name,
        scopes=body.scopes,
        expires_at=expires_at,
        maker=maker_of(session, caller, body.scopes),
        created_by=caller.key_id,
    )
    return _with_secret(session, key, secret)


@router.get("")
def list_keys(
    team_id: str, session: RequestSession, caller: Manager, after: str | None = None, limit: Limit = 20
) -> ListOut[KeyOut]:
    """List a team's keys, revoked ones included, newest first."""
    team = own_team(session, caller, team_id)
    page = queries.list_keys(session, team.id, after, limit)
    wires = [key_out(key, queries.account_of(session, key)) for key in page.rows]
    return list_out(wires, page.has_more)


@router.post("/{key_id}/rotate")
def rotate_key(
    team_id: str, key_id: str, session: RequestSession, caller: Manager, body: KeyRotate | None = None
) -> KeyWithSecret:
    """Give a key a new secret. The key keeps its id, scopes, expiry, budget and rate limits.

    Earlier secrets stop working at once, or `grace_seconds` from now.
    """
    team = own_team(session, caller, team_id)
    keep_in_service(session, team)
    key = queries.get_key(session, team.id, key_id, lock=True)
    require_may_rotate(session, caller, key)
    grace = timedelta(seconds=body.grace_seconds if body else 0)
    return _with_secret(session, key, actions.rotate_key(session, key, grace))


@router.delete("/{key_id}")
def delete_key(team_id: str, key_id: str, session: RequestSession, caller: Manager) -> KeyDeleted:
    """Revoke a key. The list still shows it."""
    team = own_team(session, caller, team_id)
    actions.revoke_key(session, queries.get_key(session, team.id, key_id, lock=True))
    return KeyDeleted(id=key_id)


def _with_secret(session: Session, key: ApiKey, secret: str) -> KeyWithSecret:
    shown = key_out(key, queries.account_of(session, key))
    return KeyWithSecret(**shown.model_dump(), secret=secret)

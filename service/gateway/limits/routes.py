"""Routes for the rate limits of teams and of their keys."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession
from service.core.http.wire import WireIn, WireOut
from service.gateway.limits import actions as own_limits
from service.gateway.limits.actions import LimitOwner
from service.settings import settings
from service.teams.access import Admin, Manager, Reader, own_team
from service.teams.actions import keep_in_service, team_in_service
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.actions import note_bound
from service.teams.keys.authority import require_may_limit
from service.teams.keys.queries import get_key

router = APIRouter(prefix="/v1/teams/{team_id}", tags=["inference"], route_class=IdempotentRoute)

PerMinute = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RateLimitsIn(WireIn):
    """The limits to set, for all keys below the team or key together."""

    requests_per_minute: PerMinute | None = None
    """Requests a minute; null means the operator's default."""
    tokens_per_minute: PerMinute | None = None
    """Tokens a minute, input and output; null means the operator's default."""


class RateLimitsOut(WireOut):
    """The limits in force: its own or the operator's default."""

    object: Literal["rate_limits"] = "rate_limits"
    requests_per_minute: int | None
    """Requests a minute; null means unlimited."""
    tokens_per_minute: int | None
    """Tokens a minute, input and output; null means unlimited."""


@router.put("/rate_limits")
def set_team_limits(team_id: str, body: RateLimitsIn, session: RequestSession, _: Admin) -> RateLimitsOut:
    """Set how many requests and tokens a minute a team may use, all its keys together."""
    team = team_in_service(session, team_id)
    own_limits.set_limits(session, team_id=team.id, subject_id=team.id, **body.model_dump())
    return _out(session, team.id, "team")


@router.get("/rate_limits")
def retrieve_team_limits(team_id: str, session: RequestSession, caller: Reader) -> RateLimitsOut:
    """The requests and tokens a minute of a team."""
    return _out(session, own_team(session, caller, team_id).id, "team")


@router.put("/keys/{key_id}/rate_limits")
def set_key_limits(
    team_id: str, key_id: str, body: RateLimitsIn, session: RequestSession, caller: Manager
) -> RateLimitsOut:
    """Set how many requests and tokens a minute a key may use, with the keys that it creates.

    Its team's limits apply too. A key that has limits itself cannot change any key's.
    """
    team = own_team(session, caller, team_id)
    keep_in_service(session, team)
    require_may_limit(session, caller)
    key = get_key(session, team.id, key_id, lock=True)
    limits = body.model_dump()
    own_limits.set_limits(session, team_id=team.id, subject_id=key.id, **limits)
    note_bound(session, key, "rate_limits", is_set=any(limit is not None for limit in limits.values()))
    return _out(session, key.id, "key")


@router.get("/keys/{key_id}/rate_limits")
def retrieve_key_limits(team_id: str, key_id: str, session: RequestSession, caller: Reader) -> RateLimitsOut:
    """The requests and tokens a minute of a key."""
    return _out(session, get_key(session, own_team(session, caller, team_id).id, key_id).id, "key")


def _out(session: Session, subject_id: str, owner: LimitOwner) -> RateLimitsOut:
    own, usual = own_limits.of_subjects(session, [subject_id]), own_limits.by_settings(settings())
    return RateLimitsOut(
        requests_per_minute=own.get((subject_id, "requests"), usual[owner, "requests"]),
        tokens_per_minute=own.get((subject_id, "tokens"), usual[owner, "tokens"]),
    )

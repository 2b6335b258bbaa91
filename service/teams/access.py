"""Who is calling, and may they? FastAPI dependencies that routes name in their signatures."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from service.core.db import transaction
from service.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from service.settings import settings
from service.teams import keys
from service.teams.keys import Scope
from service.teams.tables import ApiKey, Team

_bearer = HTTPBearer(auto_error=False, description="A Tunehouse key: th-…")
TEAM_HEADER = "openai-project"
_TOUCH_EVERY = timedelta(minutes=1)
_SETTINGS_ADMIN = "key_admin"


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request: a team by one of its keys, or an admin (who may act for a team)."""

    key_id: str
    team_id: str | None
    scopes: frozenset[str]
    is_admin: bool = False

    @property
    def team(self) -> str:
        """The id of the team this request is about.

        Raises `InvalidRequest` for an admin who named none.
        """
        if self.team_id is None:
            raise InvalidRequest(
                "An admin key belongs to no team: name one in the OpenAI-Project header "
                "(the SDK's project=), or use a team's key.",
                code="team_required",
            )
        return self.team_id


def authenticate(secret: str | None, team_header: str | None = None) -> Caller:
    """The caller behind a bearer secret. Raises `Unauthenticated`."""
    if not secret:
        raise Unauthenticated("No key was sent: add the header 'Authorization: Bearer th-…'.")
    admin_key = settings().admin_key
    with transaction() as session:
        if admin_key and hmac.compare_digest(admin_key.get_secret_value().encode(), secret.encode()):
            return _as_admin(session, _SETTINGS_ADMIN, team_header)
        key = _find_key(session, secret)
        _touch(session, key.id)
        if key.team_id is None:
            return _as_admin(session, key.id, team_header)
        return Caller(key.id, key.team_id, frozenset(key.scopes))


def _find_key(session: Session, secret: str) -> ApiKey:
    key = session.scalar(select(ApiKey).where(ApiKey.secret_hash == keys.digest(secret)))
    if key is None:
        raise Unauthenticated("This key is not known. Keys look like th-… and are shown once, when made.")
    if key.revoked_at is not None:
        raise Unauthenticated(f"The key {key.prefix}… was revoked.", code="key_revoked")
    if key.expires_at is not None and session.scalar(select(key.expires_at <= func.now())):
        raise Unauthenticated(f"The key {key.prefix}… has expired.", code="key_expired")
    return key


def _touch(session: Session, key_id: str) -> None:
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - _TOUCH_EVERY)
    session.execute(update(ApiKey).where(ApiKey.id == key_id, stale).values(last_used_at=func.now()))


def _as_admin(session: Session, key_id: str, team_header: str | None) -> Caller:
    if team_header and session.get(Team, team_header) is None:
        raise NotFound(f"The OpenAI-Project header names {team_header!r}, which is no team.")
    return Caller(key_id, team_header or None, frozenset(Scope), is_admin=True)


def current_caller(request: Request, _documented: Annotated[object, Security(_bearer)]) -> Caller:
    """The caller of this request, whom `service.app.edge.door` has authenticated."""
    caller: Caller = request.state.caller
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]


def _holder_of(scope: Scope) -> Callable[[Caller], Caller]:
    def check(caller: CurrentCaller) -> Caller:
        if scope not in caller.scopes:
            raise Forbidden(
                f"This key lacks the scope '{scope}'; it has: {', '.join(sorted(caller.scopes))}."
            )
        return caller

    return check


def _admin(caller: CurrentCaller) -> Caller:
    if not caller.is_admin:
        raise Forbidden("Only an admin key may do this.")
    return caller


Reader = Annotated[Caller, Depends(_holder_of(Scope.READ))]
Trainer = Annotated[Caller, Depends(_holder_of(Scope.TRAIN))]
Inferer = Annotated[Caller, Depends(_holder_of(Scope.INFER))]
Manager = Annotated[Caller, Depends(_holder_of(Scope.MANAGE))]
Admin = Annotated[Caller, Depends(_admin)]

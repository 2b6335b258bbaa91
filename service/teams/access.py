"""Authentication and authorisation: FastAPI dependencies that routes name in their signatures."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes
from sqlalchemy import update
from sqlalchemy.orm import Session

from service.core import clock
from service.core.db import transaction
from service.errors import Conflict, Forbidden, InvalidRequest, NotFound
from service.settings import settings
from service.teams.keys.queries import OPERATOR, SETTINGS_ADMIN, account_of, key_of_secret, living_key
from service.teams.keys.scopes import Scope
from service.teams.keys.tables import ApiKey
from service.teams.queries import get_team
from service.teams.quotas.actions import Quota, limit_of
from service.teams.tables import Team

_bearer = HTTPBearer(
    scheme_name="TunehouseKey",
    auto_error=False,
    description="A Tunehouse key: `th-…`. Each operation lists the scope it needs; `admin`: an admin key.",
)
TEAM_HEADER = "openai-project"
_TOUCH_EVERY = timedelta(minutes=1)
_READS = ("GET", "HEAD", "OPTIONS")
_ENDINGS = ("/cancel", "/delete", "/revoke")
NO_KEY = "No key was sent: add the header 'Authorization: Bearer th-…'."


@dataclass(frozen=True)
class Caller:
    """The sender of a request: one of a team's keys, or an admin, who may act for a team.

    `account_id` is the key whose budget and rate limits apply; `most_in_flight` is the quota of concurrent
    requests; `ends_at` is when the secret stops working, if that is known.
    """

    key_id: str
    team_id: str | None
    scopes: frozenset[str]
    is_admin: bool = False
    account_id: str = ""
    team_is_archived: bool = False
    most_in_flight: int | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "account_id", self.account_id or self.key_id)

    @property
    def counted_as(self) -> str:
        """Whose requests in flight this one counts as: its team's, or the admin key's."""
        return self.key_id if self.is_admin else self.team

    @property
    def team(self) -> str:
        """The id of the team that this request acts for.

        Raises `InvalidRequest` if an admin has named none.
        """
        if self.team_id is None:
            raise InvalidRequest(
                "An admin key does not belong to a team. Name the team in the OpenAI-Project header "
                "(project= in the SDK), or use one of the team's keys.",
                code="team_required",
            )
        return self.team_id

    @property
    def team_or_all(self) -> str | None:
        """The id of the team that this request acts for; None, all teams, if an admin has named none."""
        return self.team_id if self.is_admin else self.team

    def require_scope(self, scope: Scope) -> None:
        """Raise `Forbidden` unless the key has the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"This key lacks the scope '{scope}'; it has: {', '.join(sorted(self.scopes))}.")

    def require_living_team(self) -> None:
        """Refuse changes for an archived team, by admins too. Raises `Conflict`."""
        if self.team_is_archived:
            raise Conflict(
                f"The team {self.team_id!r} is archived. You can read or delete its data and cancel its "
                "jobs, but not create or change anything.",
                code="team_archived",
            )


def authenticate(secret: str, team_header: str | None = None) -> Caller:
    """Return the caller that a bearer secret belongs to. Raises `Unauthenticated`."""
    with transaction() as session:
        if is_settings_admin(secret):
            return _as_admin(session, SETTINGS_ADMIN, team_header)
        key, ends_at = key_of_secret(session, secret)
        return _caller_of(session, key, team_header, ends_at)


def is_settings_admin(secret: str) -> bool:
    """Whether this is the key in TUNEHOUSE_ADMIN_KEY."""
    admin_key = settings().admin_key
    return admin_key is not None and hmac.compare_digest(
        admin_key.get_secret_value().encode(), secret.encode()
    )


def key_of_sign_in(session: Session, secret: str) -> str:
    """Return the id of the key that a person signs in with. Raises `Unauthenticated`."""
    return SETTINGS_ADMIN if is_settings_admin(secret) else key_of_secret(session, secret)[0].id


def caller_of_key(session: Session, key_id: str, team_id: str | None = None) -> Caller:
    """Return the caller that a session with this key acts as.

    `team_id` is the team that an admin acts for. Raises `Unauthenticated` if the key was revoked or expired.
    """
    if key_id in (SETTINGS_ADMIN, OPERATOR):
        return _as_admin(session, key_id, team_id)
    return _caller_of(session, living_key(session, key_id), team_id)


def _caller_of(
    session: Session, key: ApiKey, team_header: str | None, ends_at: datetime | None = None
) -> Caller:
    _note_use(session, key)
    if key.team_id is None:
        return _as_admin(session, key.id, team_header, ends_at)
    return Caller(
        key.id,
        key.team_id,
        frozenset(key.scopes),
        account_id=account_of(session, key),
        most_in_flight=limit_of(session, key.team_id, Quota.REQUESTS_IN_FLIGHT),
        ends_at=ends_at,
    )


def _note_use(session: Session, key: ApiKey) -> None:
    """Keep `last_used_at` within a minute of the truth."""
    now = clock.now()
    if key.last_used_at is None or key.last_used_at < now - _TOUCH_EVERY:
        # Without ORM state: two processes may note it at once, and neither needs the row's lock for long.
        session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))


def _as_admin(
    session: Session, key_id: str, team_header: str | None, ends_at: datetime | None = None
) -> Caller:
    team = session.get(Team, team_header) if team_header else None
    if team_header and team is None:
        raise NotFound(
            f"There is no team {team_header!r}. Set the OpenAI-Project header to the id of a team; "
            "GET /v1/teams lists them."
        )
    return Caller(
        key_id,
        team.id if team else None,
        frozenset(Scope),
        is_admin=True,
        team_is_archived=team is not None and team.archived_at is not None,
        most_in_flight=settings().team_requests_in_flight,
        ends_at=ends_at,
    )


async def current_caller(request: Request, _documented: Annotated[object, Security(_bearer)]) -> Caller:
    """Return the caller of this request, which `service.app.edge.door` has authenticated."""
    caller: Caller = request.state.caller
    if not _only_reads_or_ends(request):
        caller.require_living_team()
    return caller


def _only_reads_or_ends(request: Request) -> bool:
    """Whether the request only reads, deletes or cancels, which an archived team may still do.

    Pages delete with POST, and `/delete` or `/revoke` at the end of their addresses.
    """
    is_ending = request.method == "DELETE" or request.url.path.endswith(_ENDINGS)
    return request.method in _READS or is_ending


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def _holder(needed: SecurityScopes, caller: CurrentCaller) -> Caller:
    for scope in needed.scopes:
        caller.require_scope(Scope(scope))
    return caller


async def _admin(_documented: SecurityScopes, caller: CurrentCaller) -> Caller:
    if not caller.is_admin:
        raise Forbidden("This request needs an admin key.")
    return caller


def own_team(session: Session, caller: Caller, team_id: str) -> Team:
    """Return the team with this id: any team for an admin, otherwise only the caller's own.

    Raises the same `NotFound` for other teams as for a team that does not exist.
    """
    if not caller.is_admin and caller.team_id != team_id:
        raise NotFound(f"There is no team {team_id!r}.", param="team_id")
    return get_team(session, team_id)


# OpenAPI names these scopes with each operation.
Reader = Annotated[Caller, Security(_holder, scopes=[Scope.READ])]
Trainer = Annotated[Caller, Security(_holder, scopes=[Scope.TRAIN])]
Inferer = Annotated[Caller, Security(_holder, scopes=[Scope.INFER])]
Manager = Annotated[Caller, Security(_holder, scopes=[Scope.MANAGE])]
Admin = Annotated[Caller, Security(_admin, scopes=["admin"])]

"""Find sessions: by cookie, and all that belong to a key."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.core import clock
from service.core.http.pages import Page, fetch_page
from service.errors import NotFound, Unauthenticated
from service.people.tables import PersonSession
from service.settings import settings
from service.teams.access import Caller, caller_of_key
from service.teams.keys.queries import names_of, secret_works
from service.teams.tables import Team

_TOUCH_EVERY = timedelta(minutes=1)
_EXPIRED = "Your session has ended. Sign in again."


@dataclass(frozen=True)
class SignedIn:
    """A living session, the name of its key, the caller that its requests act as, and that team's name."""

    session_id: str
    name: str
    caller: Caller
    team_name: str | None
    ends_at: datetime


def digest_of(token: str) -> bytes:
    """Return the digest that is stored of a cookie or a link: 32 bytes of SHA-256.

    The tokens have 190 random bits, so a slow hash would add nothing.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def find_session(session: Session, cookie: str, team_id: str | None = None) -> SignedIn:
    """Return the session that a cookie names, and note that it is in use.

    The caller is derived from the key's row on every request, so that a revoked key or a removed scope counts
    at once. `team_id` replaces an admin's chosen team. Raises `Unauthenticated`.
    """
    row = _living_row(session, cookie)
    now = clock.now()
    caller = caller_of_key(session, row.key_id, team_id or row.acting_team_id)
    if now - row.seen_at >= _TOUCH_EVERY:
        row.seen_at = now
    name = names_of(session, [row.key_id]).get(row.key_id, row.key_id)
    team = session.get(Team, caller.team_id) if caller.team_id else None
    return SignedIn(row.id, name, caller, team.name if team else None, ends_at(row))


def check_session(session: Session, cookie: str) -> None:
    """Check that the session and its key still work, without noting use. Raises `Unauthenticated`."""
    caller_of_key(session, _living_row(session, cookie).key_id)


def _living_row(session: Session, cookie: str) -> PersonSession:
    row = session.get(PersonSession, digest_of(cookie))
    if row is None or row.ended_at is not None or clock.now() >= ends_at(row):
        raise Unauthenticated(_EXPIRED, code="session_ended")
    if row.key_secret is not None and not secret_works(session, row.key_secret):
        raise Unauthenticated(_EXPIRED, code="session_ended")
    return row


def ends_at(row: PersonSession) -> datetime:
    """Return when the session ends: after a time without use, at the latest after its full length."""
    idle = row.seen_at + timedelta(seconds=settings().session_idle_s)
    return min(idle, row.created_at + timedelta(seconds=settings().session_s))


def living_sessions(session: Session, caller: Caller, after: str | None, limit: int) -> Page[PersonSession]:
    """Return the sessions that have not been ended, newest first: the key's own, or all for an admin."""
    return fetch_page(
        session,
        _living(caller),
        sort=PersonSession.created_at,
        id_=PersonSession.id,
        after=after,
        limit=limit,
    )


def get_session(session: Session, caller: Caller, session_id: str) -> PersonSession:
    """Return one of the sessions that `living_sessions` lists. Raises `NotFound`."""
    row = session.scalar(_living(caller).where(PersonSession.id == session_id))
    if row is None:
        raise NotFound(f"There is no session {session_id!r}.", param="session_id")
    return row


def _living(caller: Caller) -> Select[PersonSession]:
    since = clock.now() - timedelta(seconds=settings().session_s)
    living = select(PersonSession).where(PersonSession.ended_at.is_(None), PersonSession.created_at > since)
    return living if caller.is_admin else living.where(PersonSession.key_id == caller.key_id)

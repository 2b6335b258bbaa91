"""Sign people in and out."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import update
from sqlalchemy.orm import Session

from service.core import clock
from service.core.ids import new_id, random_text
from service.errors import Unauthenticated
from service.people.queries import digest_of
from service.people.tables import PersonSession, SignInLink
from service.teams.access import key_of_sign_in
from service.teams.keys.queries import OPERATOR
from service.teams.keys.secret import digest

_TOKEN_LENGTH = 32  # letters and digits: 190 bits
LINK_LIFE = timedelta(minutes=15)
_LONGEST = 200  # characters of text from the client


class Client(NamedTuple):
    """Where a session was started from, for its owner to recognise it."""

    ip: str | None
    user_agent: str | None


def make_link(session: Session) -> str:
    """Create a link that signs one person in as an admin, and return its token.

    It works once, within 15 minutes.
    """
    token, now = random_text(_TOKEN_LENGTH), clock.now()
    link = SignInLink(digest=digest_of(token), created_at=now, expires_at=now + LINK_LIFE, used_at=None)
    session.add(link)
    session.flush()
    return token


def sign_in_with_link(session: Session, token: str, client: Client) -> str:
    """Use up a link, start a session, and return the value of its cookie. Raises `Unauthenticated`."""
    now = clock.now()
    used = session.scalar(
        update(SignInLink)
        .where(
            SignInLink.digest == digest_of(token), SignInLink.used_at.is_(None), SignInLink.expires_at > now
        )
        .values(used_at=now)
        .returning(SignInLink.digest)
    )
    if used is None:
        raise Unauthenticated(
            "This link has been used or has expired. Run `tunehouse link` to get a new one.",
            code="link_used",
        )
    return _start(session, OPERATOR, None, client)


def sign_in_with_key(session: Session, secret: str, client: Client) -> str:
    """Start a session that acts with this key, and return the value of its cookie.

    The session ends when the key or this secret of it stops working. Raises `Unauthenticated`.
    """
    return _start(session, key_of_sign_in(session, secret), digest(secret), client)


def sign_out(row: PersonSession) -> None:
    """End a session."""
    row.ended_at = row.ended_at or clock.now()


def end_session_of(session: Session, cookie: str) -> None:
    """End the session that a cookie names, if it names one."""
    row = session.get(PersonSession, digest_of(cookie))
    if row is not None:
        sign_out(row)


def choose_team(session: Session, session_id: str, team_id: str | None) -> None:
    """Let an admin's session act for a team from the next request on."""
    chosen = update(PersonSession).where(PersonSession.id == session_id)
    session.execute(chosen.values(acting_team_id=team_id))


def _start(session: Session, key_id: str, secret: bytes | None, client: Client) -> str:
    cookie, now = random_text(_TOKEN_LENGTH), clock.now()
    session.add(
        PersonSession(
            digest=digest_of(cookie),
            id=new_id("sess_"),
            key_id=key_id,
            key_secret=secret,
            acting_team_id=None,
            ip=client.ip,
            user_agent=client.user_agent[:_LONGEST] if client.user_agent else None,
            created_at=now,
            seen_at=now,
            ended_at=None,
        )
    )
    session.flush()
    return cookie

"""Append to the audit log, and delete its expired rows."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.audit.tables import ID_PREFIX, AuditEvent
from service.core import clock, ids

_LONGEST = 200  # characters of any text that the caller chose


def append(
    session: Session,
    *,
    team_id: str | None,
    key_id: str,
    by_admin: bool,
    action: str,
    status_code: int,
    object_id: str | None = None,
    params: Mapping[str, object] | None = None,
    request_id: str | None = None,
    ip: str | None = None,
    user_agent: str | None = None,
) -> None:
    """Record one request in the caller's transaction. Text from the sender is cut to 200 characters."""
    session.add(
        AuditEvent(
            id=ids.new_id(ID_PREFIX),
            created_at=clock.now(),
            team_id=_storable(team_id),
            key_id=key_id,
            by_admin=by_admin,
            action=action,
            object_id=_storable(object_id),
            params={name: _storable(str(value)) for name, value in (params or {}).items()},
            status_code=status_code,
            request_id=request_id,
            ip=ip,
            user_agent=_storable(user_agent),
        )
    )
    session.flush()


def forget(session: Session, keep: timedelta, limit: int) -> int:
    """Delete up to `limit` rows older than `keep`, the oldest first, and return how many.

    The application's role cannot delete rows itself. The database function that it calls runs as the owner of
    the tables, and refuses to delete rows younger than 90 days.
    """
    return session.scalar(select(func.audit_forget(keep, limit))) or 0


def _storable(text: str | None) -> str | None:
    """Replace NULs and lone surrogates, which a refused request may contain and Postgres cannot store."""
    if text is None:
        return None
    return text[:_LONGEST].encode(errors="replace").decode().replace("\x00", "�")

"""Append to the audit log, whose rows the database refuses to change; forget what is old."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from service.audit.tables import AuditEvent
from service.core import clock, ids

_LONGEST = 200  # of anything a caller chose


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
    """Note one write in the caller's transaction; what the sender chose is cut to 200 characters."""
    session.add(
        AuditEvent(
            id=ids.new_id("audit_"),
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
    """Delete up to `limit` rows that are older than `keep`, the oldest first, and return how many.

    The database refuses to delete any that is younger than 90 days.
    """
    oldest = select(AuditEvent.position, AuditEvent.created_at).order_by(AuditEvent.position).limit(limit)
    first = oldest.subquery()
    old = select(first.c.position).where(first.c.created_at < func.now() - keep)
    gone = session.execute(
        delete(AuditEvent).where(AuditEvent.position.in_(old)).returning(AuditEvent.position)
    )
    return len(gone.all())


def _storable(text: str | None) -> str | None:
    """Postgres holds neither NUL nor lone surrogates, and a refused request may bring both."""
    if text is None:
        return None
    return text[:_LONGEST].encode(errors="replace").decode().replace("\x00", "�")

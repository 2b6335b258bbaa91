"""Read the audit log."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.tables import ID_PREFIX, IS_REFUSED, AuditEvent
from service.core.http.pages import Page, fetch_page


class AuditOutcome(StrEnum):
    """How a request ended. The values are part of the API."""

    DONE = "done"
    REFUSED = "refused"  # 4xx: nothing changed
    FAILED = "failed"  # 5xx


def outcome_of(status_code: int) -> AuditOutcome:
    """Return the outcome for the status of a response."""
    if status_code < 400:
        return AuditOutcome.DONE
    return AuditOutcome.REFUSED if status_code < 500 else AuditOutcome.FAILED


_STATUSES = {
    AuditOutcome.DONE: (0, 399),
    AuditOutcome.REFUSED: (400, 499),
    AuditOutcome.FAILED: (500, 999),
}


def list_audit_events(
    session: Session,
    team_id: str | None,
    *,
    key_id: str | None,
    object_id: str | None,
    outcome: AuditOutcome | None,
    since: datetime | None,
    until: datetime | None,
    after: str | None,
    limit: int,
) -> Page[AuditEvent]:
    """Return the requests by or about a team, newest first; without a team, all requests.

    `since` is inclusive, `until` exclusive. Raises `NotFound` for an unknown cursor.
    """
    wanted = select(AuditEvent)
    if team_id is not None:
        wanted = wanted.where(AuditEvent.team_id == team_id)
    if key_id is not None:
        wanted = wanted.where(AuditEvent.key_id == key_id)
    if object_id is not None:
        wanted = wanted.where(AuditEvent.object_id == object_id)
    if outcome is not None:
        wanted = wanted.where(AuditEvent.status_code.between(*_STATUSES[outcome]))
    if outcome in (AuditOutcome.REFUSED, AuditOutcome.FAILED):
        wanted = wanted.where(IS_REFUSED)
    if since is not None:
        wanted = wanted.where(AuditEvent.created_at >= since)
    if until is not None:
        wanted = wanted.where(AuditEvent.created_at < until)
    return fetch_page(
        session,
        wanted,
        sort=AuditEvent.created_at,
        id_=AuditEvent.id,
        after=after,
        limit=limit,
        pruned=ID_PREFIX,
    )

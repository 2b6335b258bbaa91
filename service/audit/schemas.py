"""The audit log on the wire."""

from typing import Literal

from service.audit.queries import AuditOutcome, outcome_of
from service.audit.tables import AuditEvent
from service.core.clock import unix
from service.core.wire import WireOut


class ActorOut(WireOut):
    """Who sent the request: a team by one of its keys, or an admin."""

    type: Literal["team_key", "admin"]
    key_id: str


class AuditEventOut(WireOut):
    """One write: `action` is its method and route, `params` what stood in the route's places.

    `object_id` is what was made, or else what the route named last.
    """

    object: Literal["audit_event"] = "audit_event"
    id: str
    created_at: int
    team_id: str | None
    actor: ActorOut
    action: str
    object_id: str | None
    params: dict[str, str]
    outcome: AuditOutcome
    status_code: int
    request_id: str | None
    ip: str | None
    user_agent: str | None


def audit_event_out(event: AuditEvent, *, for_admin: bool) -> AuditEventOut:
    """The wire form; where an admin called from is for admins alone."""
    hidden = event.by_admin and not for_admin
    return AuditEventOut(
        id=event.id,
        created_at=unix(event.created_at),
        team_id=event.team_id,
        actor=ActorOut(type="admin" if event.by_admin else "team_key", key_id=event.key_id),
        action=event.action,
        object_id=event.object_id,
        params=event.params,
        outcome=outcome_of(event.status_code),
        status_code=event.status_code,
        request_id=event.request_id,
        ip=None if hidden else event.ip,
        user_agent=None if hidden else event.user_agent,
    )

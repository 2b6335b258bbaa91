"""The audit log on the wire."""

from collections.abc import Mapping
from typing import Literal

from service.audit.queries import AuditOutcome, outcome_of
from service.audit.tables import AuditEvent
from service.core.clock import unix
from service.core.http.wire import WireOut


class ActorOut(WireOut):
    """The sender of a request."""

    type: Literal["team_key", "admin"]
    """One of a team's keys, or an admin key."""
    key_id: str
    """The id of the key."""
    name: str | None
    """The name of the key; null if it is not known any more."""


class AuditEventOut(WireOut):
    """One recorded request, or a command of an operator that changed history."""

    object: Literal["audit_event"] = "audit_event"
    id: str
    created_at: int
    team_id: str | None
    """The id of the key's team, or of the team that an admin's request names; null for none."""
    actor: ActorOut
    """Who sent the request."""
    action: str
    """The method and route, such as `POST /v1/files`, or the operator's command."""
    object_id: str | None
    """The id of the object that it created, or else the last id in its path; null for none."""
    params: dict[str, str]
    """The values in its path, by name."""
    outcome: AuditOutcome
    """Whether it succeeded, was refused (4xx) or failed (5xx)."""
    status_code: int
    """The HTTP status of the response."""
    request_id: str | None
    """The request's `x-request-id`; null for commands."""
    ip: str | None
    """The caller's address; null for commands, and for an admin's request unless an admin reads it."""
    user_agent: str | None
    """The caller's user agent; null if it sent none, and where `ip` is null."""


def audit_event_out(event: AuditEvent, names: Mapping[str, str], *, for_admin: bool) -> AuditEventOut:
    """Return the wire form, given the names of keys by id. Only admins see the address of an admin."""
    hidden = event.by_admin and not for_admin
    return AuditEventOut(
        id=event.id,
        created_at=unix(event.created_at),
        team_id=event.team_id,
        actor=ActorOut(
            type="admin" if event.by_admin else "team_key",
            key_id=event.key_id,
            name=names.get(event.key_id),
        ),
        action=event.action,
        object_id=event.object_id,
        params=event.params,
        outcome=outcome_of(event.status_code),
        status_code=event.status_code,
        request_id=event.request_id,
        ip=None if hidden else event.ip,
        user_agent=None if hidden else event.user_agent,
    )

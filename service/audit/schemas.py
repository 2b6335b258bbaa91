"""The audit log on the wire."""

from collections.abc import Mapping
from typing import Literal

from service.audit.queries import AuditOutcome, outcome_of
from service.audit.tables import AuditEvent
from service.core.clock import unix
from service.core.http.wire import WireOut


class ActorOut(WireOut):
    """The sender of a request: one of a team's keys, or an admin. `name` is the name of the key."""

    type: Literal["team_key", "admin"]
    key_id: str
    name: str | None


class AuditEventOut(WireOut):
    """One recorded request: `action` is its method and route, `params` the values in its path.

    `object_id` is the id of the object that it created, or else the last one in its path. Commands of an
    operator that change history are recorded too, with the command as `action`.
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

"""The route that reads the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.audit.queries import AuditOutcome, list_audit_events
from service.audit.schemas import AuditEventOut, audit_event_out
from service.core.clock import from_unix
from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession, Route
from service.core.http.wire import Text
from service.core.moments import Moment
from service.teams.access import Manager
from service.teams.keys.queries import names_of

router = APIRouter(prefix="/v1/audit_events", tags=["audit"], route_class=Route)

Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("")
def list_events(
    session: RequestSession,
    caller: Manager,
    key_id: Annotated[Text | None, Query(description="Only requests with this key.")] = None,
    object_id: Annotated[Text | None, Query(description="Only requests about this object.")] = None,
    outcome: Annotated[AuditOutcome | None, Query(description="Only requests that ended like this.")] = None,
    start_time: Moment | None = None,
    end_time: Moment | None = None,
    after: str | None = None,
    limit: Limit = 20,
) -> ListOut[AuditEventOut]:
    """List the recorded requests, newest first: who sent each, from where, what it did, and how it ended.

    Every write is recorded, and every read by an admin, for one team or across all. Teams see their own
    entries. Admins see all, or those of the team that they name in the OpenAI-Project header.
    """
    page = list_audit_events(
        session,
        caller.team_id,
        key_id=key_id,
        object_id=object_id,
        outcome=outcome,
        since=None if start_time is None else from_unix(start_time),
        until=None if end_time is None else from_unix(end_time),
        after=after,
        limit=limit,
    )
    names = names_of(session, {event.key_id for event in page.rows})
    wires = [audit_event_out(event, names, for_admin=caller.is_admin) for event in page.rows]
    return list_out(wires, page.has_more)

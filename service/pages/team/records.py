"""The pages of webhooks and of the audit log: of a team, or of all teams for an admin."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.audit.queries import AuditOutcome
from service.audit.routes import list_events
from service.core.http.web import RequestSession
from service.pages.listing import Column, Field, Listing, more_after, rows_of
from service.pages.render import leave, show
from service.pages.words import moment, plain
from service.teams.access import Manager
from service.teams.idempotency import IdempotentRoute
from service.webhooks.deliveries.routes import list_deliveries, retry_delivery
from service.webhooks.routes import list_endpoints
from service.webhooks.states import DeliveryState

router = APIRouter(route_class=IdempotentRoute)


@router.get("/team/audit")
@router.get("/admin/audit")
def audit(
    request: Request,
    session: RequestSession,
    caller: Manager,
    key_id: str = "",
    object_id: str = "",
    outcome: AuditOutcome | None = None,
    after: str | None = None,
) -> Response:
    """List who did what, from where, and how it ended."""
    page = list_events(
        session,
        caller,
        key_id=key_id or None,
        object_id=object_id or None,
        outcome=outcome,
        after=after,
        limit=rows_of(request),
    )
    listing = Listing(
        "audit",
        "Requests",
        (
            Column("When"),
            Column("Who"),
            Column("What"),
            Column("Object"),
            Column("Outcome"),
            Column("From", True),
            Column("Request", only_csv=True),
            Column("Team", only_csv=True),
        ),
        [
            (
                Field(moment(event.created_at)),
                Field(event.actor.name or event.actor.key_id, sub=plain(event.actor.type)),
                Field(event.action, mono=True),
                Field(event.object_id or ""),
                Field(event.outcome, state={"done": "ok"}.get(event.outcome, event.outcome)),
                Field(event.ip or ""),
                Field(event.request_id or ""),
                Field(event.team_id or ""),
            )
            for event in page.data
        ],
        empty="No request matches.",
        more=more_after(request, page.last_id, page.has_more),
    )
    filters = {"key_id": key_id, "object_id": object_id}
    return show(
        request, "audit.html", lists=[listing], filters=filters, outcome=outcome, outcomes=list(AuditOutcome)
    )


@router.get("/team/webhooks")
@router.get("/admin/webhooks")
def webhooks(
    request: Request,
    session: RequestSession,
    caller: Manager,
    state: DeliveryState | None = None,
    after: str | None = None,
) -> Response:
    """List endpoints, and the deliveries to them."""
    endpoints = list_endpoints(session, caller, limit=rows_of(request)).data
    page = list_deliveries(session, caller, state=state, after=after, limit=rows_of(request))
    names = {endpoint.id: endpoint.name for endpoint in endpoints}
    here = request.url.path
    return show(
        request,
        "webhooks.html",
        lists=[
            Listing(
                "endpoints",
                "Endpoints",
                (Column("Name"), Column("Address"), Column("State"), Column("Events")),
                [
                    (
                        Field(one.name, sub=one.id),
                        Field(one.url),
                        Field(
                            "enabled" if one.enabled else "disabled",
                            state="enabled" if one.enabled else "disabled",
                            sub=plain(one.disabled_reason or ""),
                        ),
                        Field(", ".join(one.event_types)),
                    )
                    for one in endpoints
                ],
                empty="No endpoint yet. Create one with POST /v1/webhook_endpoints.",
            ),
            Listing(
                "deliveries",
                "Deliveries",
                (
                    Column("When"),
                    Column("Event"),
                    Column("Endpoint"),
                    Column("State"),
                    Column("Attempts", True),
                    Column("Last answer"),
                    Column(""),
                ),
                [
                    (
                        Field(moment(one.created_at), sub=one.id),
                        Field(one.event_type),
                        Field(names.get(one.webhook_endpoint_id, one.webhook_endpoint_id)),
                        Field(one.state, state=one.state),
                        Field(str(len(one.attempts))),
                        Field(
                            _answer(one.attempts[-1].status_code, one.attempts[-1].error)
                            if one.attempts
                            else ""
                        ),
                        Field("Send again", post=f"{here}/{one.id}/retry"),
                    )
                    for one in page.data
                ],
                empty="Nothing was sent.",
                more=more_after(request, page.last_id, page.has_more),
            ),
        ],
        state=state,
        states=list(DeliveryState),
        here=here,
    )


@router.post("/team/webhooks/{delivery_id}/retry")
@router.post("/admin/webhooks/{delivery_id}/retry")
def retry(request: Request, delivery_id: str, session: RequestSession, caller: Manager) -> Response:
    """Send a delivery again."""
    retry_delivery(delivery_id, session, caller)
    back = request.url.path.rsplit("/", 2)[0]
    return leave(request, back, "The delivery is sent again.")


def _answer(status_code: int | None, error: str | None) -> str:
    return str(status_code) if status_code is not None else (error or "")[:80]

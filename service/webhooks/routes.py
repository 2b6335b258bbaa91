"""Routes for webhook endpoints, shaped like OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from service.core.db import transaction
from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.events.types import PUBLISHED
from service.teams.access import Manager
from service.teams.idempotency import IdempotentRoute
from service.webhooks import actions, queries
from service.webhooks.deliveries.waiting import wait_for_end
from service.webhooks.schemas import (
    EndpointCreate,
    EndpointDeleted,
    EndpointOut,
    EndpointTest,
    EndpointTested,
    EndpointUpdate,
    EndpointWithSecret,
    EventTypesOut,
    SecretRotate,
    endpoint_out,
    with_secret,
)
from service.webhooks.states import DeliveryState

router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=IdempotentRoute)
# Apart, because an idempotent route keeps a transaction open, and this one waits.
testing = APIRouter(prefix="/v1", tags=["webhooks"])

Limit = Annotated[int, Query(ge=1, le=100)]


@router.post("/webhook_endpoints")
def create_endpoint(body: EndpointCreate, session: RequestSession, caller: Manager) -> EndpointWithSecret:
    """Create an endpoint; only this response shows the signing secret.

    An endpoint that an admin creates without naming a team receives the events of all teams.
    """
    endpoint, secret = actions.create_endpoint(
        session, team_id=caller.team_or_all, name=body.name, url=body.url, event_types=body.event_types
    )
    return with_secret(endpoint, secret)


@router.get("/webhook_endpoints")
def list_endpoints(
    session: RequestSession, caller: Manager, after: str | None = None, limit: Limit = 20
) -> ListOut[EndpointOut]:
    """List the team's endpoints, disabled ones included, newest first."""
    page = queries.list_endpoints(session, caller.team_or_all, after, limit)
    secrets = queries.valid_secrets(session, [endpoint.id for endpoint in page.rows])
    wires = [endpoint_out(endpoint, secrets.get(endpoint.id, ())) for endpoint in page.rows]
    return list_out(wires, page.has_more)


@router.get("/webhook_endpoints/{webhook_endpoint_id}")
def retrieve_endpoint(webhook_endpoint_id: str, session: RequestSession, caller: Manager) -> EndpointOut:
    """Get an endpoint."""
    endpoint = queries.get_endpoint(session, caller.team_or_all, webhook_endpoint_id)
    return endpoint_out(endpoint, queries.valid_secrets(session, [endpoint.id])[endpoint.id])


@router.post("/webhook_endpoints/{webhook_endpoint_id}")
def update_endpoint(
    webhook_endpoint_id: str, body: EndpointUpdate, session: RequestSession, caller: Manager
) -> EndpointOut:
    """Update an endpoint; `enabled` turns it off and on."""
    endpoint = queries.get_endpoint(session, caller.team_or_all, webhook_endpoint_id, for_update=True)
    actions.update_endpoint(
        session,
        endpoint,
        name=body.name,
        url=body.url,
        event_types=body.event_types,
        enabled=body.enabled,
    )
    return endpoint_out(endpoint, queries.valid_secrets(session, [endpoint.id])[endpoint.id])


@router.delete("/webhook_endpoints/{webhook_endpoint_id}")
def delete_endpoint(webhook_endpoint_id: str, session: RequestSession, caller: Manager) -> EndpointDeleted:
    """Delete an endpoint; its pending deliveries are cancelled."""
    endpoint = queries.get_endpoint(session, caller.team_or_all, webhook_endpoint_id, for_update=True)
    actions.delete_endpoint(session, endpoint)
    return EndpointDeleted(id=endpoint.id)


@router.post("/webhook_endpoints/{webhook_endpoint_id}/rotate_secret")
def rotate_secret(
    webhook_endpoint_id: str, session: RequestSession, caller: Manager, body: SecretRotate | None = None
) -> EndpointWithSecret:
    """Create a new signing secret; only this response shows it."""
    endpoint = queries.get_endpoint(session, caller.team_or_all, webhook_endpoint_id, for_update=True)
    keep_old = body is not None and body.keep_old_secret_active_for_24_hours
    return with_secret(endpoint, actions.rotate_secret(session, endpoint, keep_old=keep_old))


@testing.post("/webhook_endpoints/{webhook_endpoint_id}/test")
async def test_endpoint(webhook_endpoint_id: str, body: EndpointTest, caller: Manager) -> EndpointTested:
    """Send a signed sample event, once.

    Waits up to 10 seconds for the outcome; if `state` is still `pending` then, poll the delivery.
    """

    def send() -> str:
        with transaction() as session:
            endpoint = queries.get_endpoint(session, caller.team_or_all, webhook_endpoint_id, for_update=True)
            return actions.send_test(session, endpoint, body.event_type).id

    delivery_id = await run_in_threadpool(send)
    state, last = await wait_for_end(caller.team_or_all, delivery_id)
    if last is not None and last.status_code is None:
        raise InvalidRequest(
            f"The endpoint could not be called: {last.error}.",
            param="url",
            code="webhook_endpoint_unreachable",
        )
    return EndpointTested(
        webhook_endpoint_id=webhook_endpoint_id,
        event_type=body.event_type,
        delivery_id=delivery_id,
        state=state,
        status_code=last.status_code if last else None,
        success=state is DeliveryState.DELIVERED,
        error=last.error if last else None,
    )


@router.get("/webhook_event_types")
def list_event_types(_: Manager) -> EventTypesOut:
    """List the types of events that endpoints can subscribe to."""
    return EventTypesOut(data=[type_.value for type_ in PUBLISHED])

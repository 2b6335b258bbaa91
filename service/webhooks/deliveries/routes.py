"""Routes for deliveries: what was sent, answered, retried."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.core.http.wire import Text
from service.teams.access import Manager
from service.teams.idempotency import IdempotentRoute
from service.webhooks import actions, queries
from service.webhooks.deliveries.schemas import DeliveryOut, delivery_out
from service.webhooks.states import DeliveryState

router = APIRouter(prefix="/v1/webhook_deliveries", tags=["webhooks"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("")
def list_deliveries(
    session: RequestSession,
    caller: Manager,
    webhook_endpoint_id: Annotated[Text | None, Query(description="Only to this endpoint.")] = None,
    event_id: Annotated[Text | None, Query(description="Only of this event of our log.")] = None,
    state: Annotated[DeliveryState | None, Query(description="Only in this state.")] = None,
    after: str | None = None,
    limit: Limit = 20,
) -> ListOut[DeliveryOut]:
    """List deliveries with their attempts, newest first, filtered by endpoint, event and state."""
    page = queries.list_deliveries(
        session,
        caller.team_or_all,
        endpoint_id=webhook_endpoint_id,
        event_id=event_id,
        state=state,
        after=after,
        limit=limit,
    )
    attempts = queries.attempts_of(session, [delivery.id for delivery in page.rows])
    wires = [delivery_out(delivery, attempts.get(delivery.id, ())) for delivery in page.rows]
    return list_out(wires, page.has_more)


@router.get("/{delivery_id}")
def retrieve_delivery(delivery_id: str, session: RequestSession, caller: Manager) -> DeliveryOut:
    """Look at a delivery and every attempt at it."""
    delivery = queries.get_delivery(session, caller.team_or_all, delivery_id)
    return delivery_out(delivery, queries.attempts_of(session, [delivery.id]).get(delivery.id, ()))


@router.post("/{delivery_id}/retry")
def retry_delivery(delivery_id: str, session: RequestSession, caller: Manager) -> DeliveryOut:
    """Try a delivery again at once, one that was delivered too; the receiver knows it by its `webhook-id`."""
    delivery = queries.get_delivery(session, caller.team_or_all, delivery_id, for_update=True)
    actions.retry_delivery(session, delivery)
    return delivery_out(delivery, queries.attempts_of(session, [delivery.id]).get(delivery.id, ()))

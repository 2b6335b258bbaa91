"""Deliveries on the wire."""

from collections.abc import Sequence
from typing import Literal

from service.core.clock import unix
from service.core.http.wire import WireOut
from service.webhooks.deliveries.payload import webhook_event_id
from service.webhooks.states import DeliveryState
from service.webhooks.tables import WebhookAttempt, WebhookDelivery


class AttemptOut(WireOut):
    """One call and its outcome; `response_excerpt` is the start of the body of a 2xx answer, else empty."""

    number: int
    started_at: int
    duration_ms: int
    status_code: int | None
    error: str | None
    response_excerpt: str


class DeliveryOut(WireOut):
    """One event on its way to one endpoint; `id` is the `webhook-id` header of every attempt.

    `webhook_event_id` is the `id` in the body that was sent; `event_id` names the event in our log.
    """

    object: Literal["webhook_delivery"] = "webhook_delivery"
    id: str
    webhook_endpoint_id: str
    event_id: str
    webhook_event_id: str
    event_type: str
    state: DeliveryState
    created_at: int
    next_attempt_at: int | None
    delivered_at: int | None
    attempts: list[AttemptOut]


def delivery_out(delivery: WebhookDelivery, attempts: Sequence[WebhookAttempt]) -> DeliveryOut:
    """The wire form of a delivery and every attempt at it, oldest first."""
    return DeliveryOut(
        id=delivery.id,
        webhook_endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        webhook_event_id=webhook_event_id(delivery.event_id),
        event_type=delivery.event_type,
        state=DeliveryState(delivery.state),
        created_at=unix(delivery.created_at),
        next_attempt_at=None if delivery.next_attempt_at is None else unix(delivery.next_attempt_at),
        delivered_at=None if delivery.delivered_at is None else unix(delivery.delivered_at),
        attempts=[_attempt_out(attempt) for attempt in attempts],
    )


def _attempt_out(attempt: WebhookAttempt) -> AttemptOut:
    return AttemptOut(
        number=attempt.number,
        started_at=unix(attempt.started_at),
        duration_ms=attempt.duration_ms,
        status_code=attempt.status_code,
        error=attempt.error,
        response_excerpt=attempt.response_excerpt,
    )

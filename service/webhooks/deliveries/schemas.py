"""Deliveries on the wire."""

from collections.abc import Sequence
from typing import Literal

from service.core.clock import unix
from service.core.http.wire import WireOut
from service.webhooks.deliveries.payload import webhook_event_id
from service.webhooks.states import DeliveryState
from service.webhooks.tables import WebhookAttempt, WebhookDelivery


class AttemptOut(WireOut):
    """One call and its outcome."""

    number: int
    """Counts the attempts, from 1."""
    started_at: int
    """When it began, in unix seconds."""
    duration_ms: int
    """How long it took, in milliseconds."""
    status_code: int | None
    """The HTTP status of the response; null if there was none."""
    error: str | None
    """Why it failed; null if it did not."""
    response_excerpt: str
    """The start of the body of a 2xx response; empty for others."""


class DeliveryOut(WireOut):
    """One event on its way to one endpoint."""

    object: Literal["webhook_delivery"] = "webhook_delivery"
    id: str
    """The `webhook-id` header of every attempt."""
    webhook_endpoint_id: str
    """The id of the endpoint."""
    event_id: str
    """The id of the event in our log."""
    webhook_event_id: str
    """The `id` in the body that was sent."""
    event_type: str
    """The type of the event."""
    state: DeliveryState
    """`pending` until it is delivered, failed for good, or cancelled with its endpoint."""
    created_at: int
    next_attempt_at: int | None
    """When the next attempt is due, in unix seconds; null unless it is pending."""
    delivered_at: int | None
    """When it was delivered, in unix seconds; null unless it was."""
    attempts: list[AttemptOut]
    """The attempts so far, the earliest first."""


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

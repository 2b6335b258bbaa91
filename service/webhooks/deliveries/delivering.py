"""One attempt at a delivery: what to send, and what follows from the outcome.

A test delivery is sent once, to disabled endpoints too, and changes nothing on its endpoint.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from service.core import clock, tracing
from service.core.http import retry_after
from service.events.tables import Event
from service.events.types import EventType
from service.settings import settings
from service.webhooks import queries, signing
from service.webhooks.actions import DELIVER, disable_endpoint
from service.webhooks.deliveries import calling, payload, schedule
from service.webhooks.deliveries.calling import Outcome
from service.webhooks.states import DeliveryState, DisabledReason
from service.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint

_GONE = 410
# A slow endpoint must not hold every webhook thread for 15 s at a time.
_AT_ONCE = 8
_AT_ONCE_WHILE_FAILING = 1
_LONGEST_QUEUE_PAUSE_S = 60.0


@dataclass(frozen=True)
class Order:
    """Everything one attempt needs, so that no transaction is open while it runs."""

    delivery_id: str
    endpoint_id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]
    is_test: bool


@dataclass(frozen=True)
class Wait:
    """The endpoint is busy with other deliveries: try again later; no attempt is counted."""

    pause: timedelta


def next_order(session: Session, delivery_id: str) -> Order | Wait | None:
    """What to send now; None when the delivery has ended, or ends here because its endpoint is off."""
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.state != DeliveryState.PENDING:
        return None
    endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id)
    event = session.scalars(select(Event).where(Event.id == delivery.event_id)).one()
    is_test = event.type == EventType.WEBHOOK_TEST
    if endpoint.deleted_at is not None or (endpoint.disabled_at is not None and not is_test):
        _end(delivery, DeliveryState.CANCELLED)
        return None
    waiting, trying = queries.count_pending(session, endpoint.id, DELIVER)
    at_once = _AT_ONCE_WHILE_FAILING if endpoint.failing_since else _AT_ONCE
    if trying > at_once:
        pause_s = min(max(1.0, waiting / _AT_ONCE), _LONGEST_QUEUE_PAUSE_S)
        return Wait(timedelta(seconds=pause_s * random.uniform(0.5, 1.5)))  # noqa: S311 - no secret
    body = payload.render(
        event_id=event.id,
        type=delivery.event_type,
        subject_id=payload.sample_subject(delivery.event_type) if is_test else event.subject_id,
        created_at=event.created_at,
        data={} if is_test else event.data,
    )
    secrets = queries.valid_secrets(session, [endpoint.id])[endpoint.id]
    return Order(delivery.id, endpoint.id, endpoint.url, body, tuple(secrets), is_test)


def send(order: Order, sent_at: datetime) -> Outcome:
    """Make the call; no transaction may be open."""
    headers = dict(signing.headers(order.delivery_id, sent_at, order.body, order.secrets))
    with tracing.call("webhook", headers, {"tunehouse.delivery": order.delivery_id}):
        return calling.post(
            order.url,
            headers,
            order.body,
            timeout_s=settings().webhook_timeout_s,
            allowed=settings().webhook_allowed_networks,
        )


def record(session: Session, order: Order, outcome: Outcome, sent_at: datetime) -> timedelta | None:
    """Record the attempt and its consequences; returns the pause before the next one, if there is one."""
    delivery = session.get_one(WebhookDelivery, order.delivery_id, with_for_update=True)
    _note_attempt(session, order, outcome, sent_at)
    if order.is_test:
        delivery.delivered_at = clock.now() if outcome.delivered else None
        _end(delivery, DeliveryState.DELIVERED if outcome.delivered else DeliveryState.FAILED)
        return None
    if outcome.delivered:
        delivery.delivered_at = clock.now()
        _end(delivery, DeliveryState.DELIVERED)
        _note_recovery(session, order.endpoint_id)
        return None
    if outcome.status == _GONE:
        disable_endpoint(session, order.endpoint_id, DisabledReason.GONE)
        _end(delivery, DeliveryState.CANCELLED)
        return None
    delivery.failures += 1
    if schedule.is_given_up(_failing_since(session, order.endpoint_id, sent_at), clock.now()):
        disable_endpoint(session, order.endpoint_id, DisabledReason.FAILING)
    pause = schedule.next_pause(
        delivery.failures,
        settings().webhook_retry_schedule_s,
        jitter=random.uniform(-1, 1),  # noqa: S311 - no secret
        asked_s=retry_after.parse(outcome.retry_after, clock.now(), longest_s=schedule.LONGEST_RETRY_AFTER_S),
    )
    if pause is None:
        _end(delivery, DeliveryState.FAILED)
        return None
    delivery.next_attempt_at = clock.now() + pause
    return pause


def _end(delivery: WebhookDelivery, state: DeliveryState) -> None:
    delivery.state = state.value
    delivery.next_attempt_at = None


def _note_attempt(session: Session, order: Order, outcome: Outcome, sent_at: datetime) -> None:
    # The delivery's row lock makes the numbers follow each other.
    last = select(func.max(WebhookAttempt.number)).where(WebhookAttempt.delivery_id == order.delivery_id)
    session.add(
        WebhookAttempt(
            delivery_id=order.delivery_id,
            number=(session.scalar(last) or 0) + 1,
            started_at=sent_at,
            duration_ms=outcome.duration_ms,
            status_code=outcome.status,
            error=outcome.error,
            response_excerpt=outcome.excerpt,
        )
    )


def _note_recovery(session: Session, endpoint_id: str) -> None:
    failing = WebhookEndpoint.id == endpoint_id, WebhookEndpoint.failing_since.is_not(None)
    session.execute(update(WebhookEndpoint).where(*failing).values(failing_since=None))


def _failing_since(session: Session, endpoint_id: str, sent_at: datetime) -> datetime:
    known = select(WebhookEndpoint.failing_since).where(WebhookEndpoint.id == endpoint_id)
    since = session.scalar(known)
    if since is None:
        since = sent_at
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.failing_since.is_(None))
            .values(failing_since=since)
        )
    return since

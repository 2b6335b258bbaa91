"""Change endpoints and deliveries."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids, work
from service.errors import Conflict, RateLimited
from service.events.actions import append
from service.events.tables import Event
from service.events.types import EventType
from service.settings import settings
from service.teams.quotas.actions import Quota, require_room
from service.webhooks import queries, signing
from service.webhooks.states import DeliveryState, DisabledReason
from service.webhooks.tables import (
    DELIVERY_PREFIX,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)

DELIVER = "webhook.deliver"  # the unit of work that tries one delivery
MAX_TESTS = 5  # of a team, waiting to be sent or answered
_KEEP_OLD_SECRET = timedelta(hours=24)


def create_endpoint(
    session: Session, *, team_id: str | None, name: str, url: str, event_types: Sequence[str]
) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint of a team, or of the organization (None), and its signing secret.

    Raises `QuotaExceeded`.
    """
    if team_id is not None:
        require_room(session, team_id, Quota.ENDPOINTS)
    moment = clock.now()
    endpoint = WebhookEndpoint(
        id=ids.new_id("we_"),
        team_id=team_id,
        name=name,
        url=url,
        event_types=list(event_types),
        created_at=moment,
        updated_at=moment,
    )
    session.add(endpoint)
    session.flush()
    return endpoint, _add_secret(session, endpoint)


def update_endpoint(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    name: str | None = None,
    url: str | None = None,
    event_types: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Change the given fields; a new URL, or enabling the endpoint again, clears its record of failures."""
    given = {"name": name, "url": url, "event_types": None if event_types is None else list(event_types)}
    changed = {
        field: value
        for field, value in given.items()
        if value is not None and value != getattr(endpoint, field)
    }
    for field, value in changed.items():
        setattr(endpoint, field, value)
    enabling = enabled is True and endpoint.disabled_at is not None
    if enabling:
        endpoint.disabled_at, endpoint.disabled_reason = None, None
    if enabling or "url" in changed:
        endpoint.failing_since = None
    if changed or enabling:
        endpoint.updated_at = clock.now()
    session.flush()
    if enabled is False:
        disable_endpoint(session, endpoint.id, DisabledReason.MANUAL)
        session.refresh(endpoint)
    return endpoint


def disable_endpoint(session: Session, endpoint_id: str, reason: DisabledReason) -> None:
    """Stop sending to an endpoint and notify the team's others; leave a disabled one as it is."""
    moment = clock.now()
    disabled = session.scalar(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.disabled_at.is_(None))
        .values(disabled_at=moment, disabled_reason=reason.value, updated_at=moment)
        .returning(WebhookEndpoint)
    )
    if disabled is not None:
        append(
            session,
            team_id=disabled.team_id,
            subject_id=disabled.id,
            type=EventType.WEBHOOK_DISABLED,
            level="info" if reason is DisabledReason.MANUAL else "error",
            message=f"The webhook endpoint {disabled.name!r} was disabled: {reason.value}.",
            data={"reason": reason.value},
        )


def delete_endpoint(session: Session, endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint and its secrets; its deliveries stay on record."""
    endpoint.deleted_at = clock.now()
    session.execute(delete(WebhookSecret).where(WebhookSecret.endpoint_id == endpoint.id))


def rotate_secret(session: Session, endpoint: WebhookEndpoint, *, keep_old: bool) -> str:
    """A new signing secret; the old one signs along for 24 hours, or stops at once."""
    endpoint.updated_at = clock.now()
    old = WebhookSecret.endpoint_id == endpoint.id
    if keep_old:
        until = endpoint.updated_at + _KEEP_OLD_SECRET
        session.execute(
            update(WebhookSecret)
            .where(old)
            .values(expires_at=func.least(func.coalesce(WebhookSecret.expires_at, until), until))
        )
        old = old & (WebhookSecret.expires_at <= endpoint.updated_at)
    session.execute(delete(WebhookSecret).where(old))
    return _add_secret(session, endpoint)


def fan_out(session: Session, event: Event) -> None:
    """Create a delivery of `event` for each endpoint subscribed to its type; a second call creates none."""
    for endpoint in queries.endpoints_for(session, event):
        moment = clock.now()
        made: str | None = session.scalar(
            insert(WebhookDelivery)
            .values(
                id=ids.new_id(DELIVERY_PREFIX),
                team_id=endpoint.team_id,
                endpoint_id=endpoint.id,
                event_id=event.id,
                event_type=event.type,
                state=DeliveryState.PENDING.value,
                failures=0,
                created_at=moment,
                next_attempt_at=moment,
            )
            .on_conflict_do_nothing(index_elements=["endpoint_id", "event_id"])
            .returning(WebhookDelivery.id)
        )
        if made is not None:
            work.schedule(session, DELIVER, made, team_id=endpoint.team_id)


def send_test(session: Session, endpoint: WebhookEndpoint, type: EventType) -> WebhookDelivery:
    """Queue a sample of an event of that type for one endpoint; it is tried once.

    Raises `RateLimited` while the team has `MAX_TESTS` test deliveries to come.
    """
    if queries.count_tests_to_come(session, endpoint.team_id) >= MAX_TESTS:
        raise RateLimited(
            f"Your team has {MAX_TESTS} test deliveries waiting. Wait for one to end: "
            "GET /v1/webhook_deliveries?state=pending",
            code="too_many_webhook_tests",
            retry_after_s=settings().webhook_timeout_s,
        )
    event_id = append(
        session,
        team_id=endpoint.team_id,
        subject_id=endpoint.id,
        type=EventType.WEBHOOK_TEST,
        data={"event_type": type.value},
    )
    assert event_id is not None, "only a source_key makes an event known"  # noqa: S101
    moment = clock.now()
    delivery = WebhookDelivery(
        id=ids.new_id(DELIVERY_PREFIX),
        team_id=endpoint.team_id,
        endpoint_id=endpoint.id,
        event_id=event_id,
        event_type=type.value,
        state=DeliveryState.PENDING.value,
        failures=0,
        created_at=moment,
        next_attempt_at=moment,
    )
    session.add(delivery)
    session.flush()
    work.schedule(session, DELIVER, delivery.id, team_id=delivery.team_id)
    return delivery


def retry_delivery(session: Session, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send a delivery again now, in whatever state it is, with a new schedule.

    Raises `Conflict` when its endpoint is disabled or deleted.
    """
    endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id)
    if endpoint.deleted_at is not None or endpoint.disabled_at is not None:
        raise Conflict(
            "The endpoint of this delivery is disabled or deleted. Enable it first: "
            'POST /v1/webhook_endpoints/{id} {"enabled": true}',
            code="webhook_endpoint_disabled",
        )
    delivery.state = DeliveryState.PENDING.value
    delivery.failures = 0
    delivery.next_attempt_at = clock.now()
    work.schedule(session, DELIVER, delivery.id, team_id=delivery.team_id)
    return delivery


def forget_deliveries(session: Session, keep: timedelta, limit: int) -> int:
    """Delete up to `limit` deliveries that ended and are older than `keep`, with their attempts.

    Returns how many deliveries.
    """
    ended = WebhookDelivery.state != DeliveryState.PENDING.value
    old = (
        select(WebhookDelivery.id)
        .where(ended, WebhookDelivery.created_at < func.now() - keep)
        .order_by(WebhookDelivery.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids_ = session.scalars(old).all()
    session.execute(delete(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(ids_)))
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids_)))
    return len(ids_)


def _add_secret(session: Session, endpoint: WebhookEndpoint) -> str:
    secret = signing.new_secret()
    session.add(
        WebhookSecret(
            id=ids.new_id("whs_"), endpoint_id=endpoint.id, secret=secret, created_at=endpoint.updated_at
        )
    )
    session.flush()
    return secret

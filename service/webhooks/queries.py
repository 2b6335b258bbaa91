"""Read endpoints, secrets, deliveries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from service.core import clock
from service.core.http.pages import Page, fetch_page
from service.core.work import WorkItem
from service.errors import NotFound
from service.events.tables import Event
from service.events.types import EventType
from service.teams.quotas.actions import Quota, counted_by
from service.webhooks.states import DeliveryState
from service.webhooks.tables import (
    DELIVERY_PREFIX,
    IS_UNDELIVERED,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)


def get_endpoint(
    session: Session, team_id: str | None, endpoint_id: str, *, for_update: bool = False
) -> WebhookEndpoint:
    """The team's endpoint of that id, locked if it is to be changed. Raises `NotFound`."""
    own = _living(team_id).where(WebhookEndpoint.id == endpoint_id)
    endpoint = session.scalar(own.with_for_update() if for_update else own)
    if endpoint is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id!r}.", param="webhook_endpoint_id")
    return endpoint


def list_endpoints(
    session: Session, team_id: str | None, after: str | None, limit: int
) -> Page[WebhookEndpoint]:
    """The team's endpoints, disabled ones included, newest first."""
    id_ = WebhookEndpoint.id
    return fetch_page(
        session,
        _living(team_id),
        sort=WebhookEndpoint.created_at,
        id_=id_,
        after=after,
        limit=limit,
        cursors=select(WebhookEndpoint).where(WebhookEndpoint.team_id == team_id),
    )


def count_endpoints(session: Session, team_id: str) -> int:
    """How many endpoints the team has, disabled ones included."""
    return session.scalar(_living(team_id).with_only_columns(func.count())) or 0


counted_by(Quota.ENDPOINTS, count_endpoints)


def endpoints_for(session: Session, event: Event) -> Sequence[WebhookEndpoint]:
    """The enabled endpoints of the event's team and of the organization that are subscribed to its type."""
    of_team, of_all = WebhookEndpoint.team_id == event.team_id, WebhookEndpoint.team_id.is_(None)
    # The organization has received the original of a team's copy.
    owners = of_team if event.data.get("copy") else or_(of_team, of_all)
    wanting = select(WebhookEndpoint).where(
        owners,
        WebhookEndpoint.deleted_at.is_(None),
        WebhookEndpoint.disabled_at.is_(None),
        WebhookEndpoint.event_types.any_() == event.type,
    )
    return session.scalars(wanting.order_by(WebhookEndpoint.id)).all()


def valid_secrets(session: Session, endpoint_ids: Sequence[str]) -> Mapping[str, list[str]]:
    """The secrets that sign at this moment, per endpoint, newest first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    valid = or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > clock.now())
    of_these = select(WebhookSecret).where(WebhookSecret.endpoint_id.in_(endpoint_ids), valid)
    for row in session.scalars(of_these.order_by(WebhookSecret.created_at.desc(), WebhookSecret.id)):
        found[row.endpoint_id].append(row.secret)
    return found


def get_delivery(
    session: Session, team_id: str | None, delivery_id: str, *, for_update: bool = False
) -> WebhookDelivery:
    """The team's delivery of that id, locked if it is to be changed. Raises `NotFound`."""
    own = select(WebhookDelivery).where(WebhookDelivery.team_id == team_id, WebhookDelivery.id == delivery_id)
    delivery = session.scalar(own.with_for_update() if for_update else own)
    if delivery is None:
        raise NotFound(f"There is no webhook delivery {delivery_id!r}.", param="delivery_id")
    return delivery


def list_deliveries(
    session: Session,
    team_id: str | None,
    *,
    endpoint_id: str | None,
    event_id: str | None,
    state: DeliveryState | None,
    after: str | None,
    limit: int,
) -> Page[WebhookDelivery]:
    """The team's deliveries that match every filter given, newest first; None is the organization's."""
    own = every = select(WebhookDelivery).where(WebhookDelivery.team_id == team_id)
    if endpoint_id is not None:
        own = own.where(WebhookDelivery.endpoint_id == endpoint_id)
    if event_id is not None:
        own = own.where(WebhookDelivery.event_id == event_id)
    if state is not None:
        own = own.where(WebhookDelivery.state == state.value)
    if state is not None and state is not DeliveryState.DELIVERED:
        own = own.where(IS_UNDELIVERED)
    sort, id_ = WebhookDelivery.created_at, WebhookDelivery.id
    # A delivery that has ended since it was listed is still a place in the list of those pending.
    return fetch_page(
        session,
        own,
        sort=sort,
        id_=id_,
        after=after,
        limit=limit,
        cursors=every,
        pruned=DELIVERY_PREFIX,
    )


def count_tests_to_come(session: Session, team_id: str | None) -> int:
    """How many test deliveries of a team, or of the organization, are pending."""
    tests = (
        select(func.count())
        .select_from(WebhookDelivery)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .join(Event, Event.id == WebhookDelivery.event_id)
        .where(
            WebhookEndpoint.team_id == team_id,
            WebhookDelivery.state == DeliveryState.PENDING.value,
            Event.type == EventType.WEBHOOK_TEST.value,
        )
    )
    return session.scalar(tests) or 0


def attempts_of(session: Session, delivery_ids: Sequence[str]) -> Mapping[str, list[WebhookAttempt]]:
    """Every attempt, per delivery, oldest first."""
    found: defaultdict[str, list[WebhookAttempt]] = defaultdict(list)
    of_these = select(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(delivery_ids))
    for attempt in session.scalars(of_these.order_by(WebhookAttempt.number)):
        found[attempt.delivery_id].append(attempt)
    return found


def count_pending(session: Session, endpoint_id: str, work_kind: str) -> tuple[int, int]:
    """How many deliveries of an endpoint are pending, and how many of those are being sent right now."""
    leased = func.count().filter(WorkItem.leased_until > func.now())
    pending = (
        select(func.count(), leased)
        .select_from(WebhookDelivery)
        .join(WorkItem, (WorkItem.kind == work_kind) & (WorkItem.subject_id == WebhookDelivery.id))
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == "pending")
    )
    waiting, trying = session.execute(pending).one()
    return waiting, trying


def _living(team_id: str | None) -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(
        WebhookEndpoint.team_id == team_id, WebhookEndpoint.deleted_at.is_(None)
    )

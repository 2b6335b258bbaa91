"""Deliver events to webhooks."""

from service.core import clock, work
from service.core.db import transaction
from service.core.metrics import measures
from service.core.work import Lease
from service.events.queries import get_event
from service.webhooks import actions
from service.webhooks.deliveries import delivering


def publish_event(lease: Lease) -> None:
    """Create one delivery per endpoint that subscribes to the event."""
    with transaction() as session:
        event = get_event(session, lease.subject_id)
        if event is not None:
            actions.fan_out(session, event)
        work.finish(session, lease)


def deliver(lease: Lease) -> None:
    """Try one delivery: claim → call → record."""
    with transaction() as session:
        order = delivering.next_order(session, lease.subject_id)
        if not isinstance(order, delivering.Order):
            work.finish(session, lease, next_in=order.pause if order else None)
            return
    sent_at = clock.now()
    outcome = delivering.send(order, sent_at)
    measures.webhook_attempted(succeeded=outcome.delivered)
    with transaction() as session:
        pause = delivering.record(session, order, outcome, sent_at)
        work.finish(session, lease, next_in=pause)

"""Queues deliveries in the transaction that ends a job, so that none is lost or premature."""

from __future__ import annotations

import time

import msgspec

from trainer.core import Core
from trainer.ids import new_id
from trainer.storage.records import DeliveryRecord

PENDING = "pending"


def webhook_url(core: Core) -> str | None:
    """The receiver's URL: the control API's, else the command line's; None without either."""
    behaviour = core.control.state.webhooks
    if behaviour.mode == "off" or not core.settings.webhook_secret:
        return None
    return behaviour.url or core.settings.webhook_url


def queue_webhook(core: Core, event_type: str, job_id: str, created_at: int) -> None:
    """Queue one event, once for every copy that the control API wants."""
    if webhook_url(core) is None:
        return
    behaviour = core.control.state.webhooks
    event = {
        "id": new_id("evt_"),
        "object": "event",
        "created_at": created_at,
        "type": event_type,
        "data": {"id": job_id},
    }
    body = msgspec.json.encode(event).decode()
    webhook_id = new_id("wh_")
    now = time.time()
    for copy in range(behaviour.copies):
        delivery = DeliveryRecord(
            id=webhook_id if copy == 0 else f"{webhook_id}#{copy}",
            event_type=event_type,
            body=body,
            created_at=now,
            next_at=now + behaviour.delay_s,
        )
        core.store.deliveries.put(delivery, owner=PENDING)

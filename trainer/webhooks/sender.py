"""Sends queued deliveries: signed per Standard Webhooks, retried with backoff for 72 hours.

Time here is the machine's, also under a manual clock: receivers refuse timestamps more than 300 s off.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx2
from standardwebhooks import Webhook

from trainer.core import Core
from trainer.storage.records import DeliveryRecord
from trainer.webhooks.outbox import PENDING, webhook_url

logger = logging.getLogger("trainer.webhooks")

TIMEOUT_S = 5.0
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 600.0
GIVE_UP_AFTER_S = 72 * 3600
_PARALLEL = 8
_LOOK_AGAIN_S = 0.5  # a delivery queued between two looks waits this long at most without a wake


def sign(secret: str, webhook_id: str, at: datetime, body: str) -> str:
    """The `v1,…` signature; a secret without `whsec_` is its own raw key, as OpenAI's SDK reads it."""
    hook = Webhook(secret if secret.startswith("whsec_") else secret.encode())
    return hook.sign(webhook_id, at, body)


class Sender:
    """One thread looks for due deliveries, a few others send them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()
        self._client = httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._loop, name="webhooks", daemon=True)

    def start(self) -> None:
        """Start sending, beginning with unsent deliveries."""
        self._thread.start()

    def stop(self) -> None:
        """Stop without waiting for receivers; unsent deliveries stay queued."""
        self._stopping.set()
        self._wake.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    def _loop(self) -> None:
        wait_s = 0.0
        while not self._stopping.is_set():
            self._wake.wait(wait_s)
            self._wake.clear()
            wait_s = _LOOK_AGAIN_S
            if self._stopping.is_set() or webhook_url(self._core) is None:
                continue
            now = time.time()
            pending = self._core.store.deliveries.all(PENDING)
            due = [delivery for delivery in pending if (delivery.next_at or 0) <= now]
            wait_s = min(
                [_LOOK_AGAIN_S, *(d.next_at - now for d in pending if d.next_at and d.next_at > now)]
            )
            if self._core.control.state.webhooks.reorder:
                due.reverse()
            for delivery in due:
                self._submit(delivery)

    def _submit(self, delivery: DeliveryRecord) -> None:
        with self._lock:
            if delivery.id in self._in_flight or self._stopping.is_set():
                return
            self._in_flight.add(delivery.id)
        self._pool.submit(self._deliver, delivery)

    def _deliver(self, delivery: DeliveryRecord) -> None:
        try:
            self._record(delivery, self._send(delivery))
        except Exception:  # a pool swallows what its function raises; the delivery stays queued
            logger.exception("webhook %s could not be handled", delivery.id)
        finally:
            with self._lock:
                self._in_flight.discard(delivery.id)

    def _send(self, delivery: DeliveryRecord) -> int | None:
        url, secret = webhook_url(self._core), self._core.settings.webhook_secret
        if url is None or secret is None:
            return None
        webhook_id = delivery.id.partition("#")[0]
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks) tunehouse-trainer",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": sign(secret, webhook_id, now, delivery.body),
        }
        try:
            return self._client.post(url, content=delivery.body.encode(), headers=headers).status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            logger.info("webhook %s did not arrive: %s", delivery.id, type(error).__name__)
            return None

    def _record(self, delivery: DeliveryRecord, status: int | None) -> None:
        now = time.time()
        delivery.attempts += 1
        delivery.last_status = status
        if status is not None and 200 <= status < 300:
            delivery.delivered_at, delivery.next_at = now, None
        elif now - delivery.created_at > GIVE_UP_AFTER_S:
            delivery.next_at = None
        else:
            delivery.next_at = now + min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** (delivery.attempts - 1))
        with self._core.store.transaction():
            if delivery.next_at is None:
                self._core.store.deliveries.delete(delivery.id)
                self._core.store.deliveries.put(delivery, owner="done")
            else:
                self._core.store.deliveries.put(delivery, owner=PENDING)

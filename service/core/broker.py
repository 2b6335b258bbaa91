"""The Celery application, shared by the processes that send wake-ups and by the worker.

A message carries only the name of a unit of work. It may be lost, late or duplicated: the row in `work_items`
decides (see `service.core.work`).
"""

import ssl

from celery import Celery
from kombu.transport import redis

from service.settings import settings

STEP_TASK = "tunehouse.step"
QUEUE = "tunehouse"
# In Redis each priority is a list, and lower numbers are read first. Without priorities, wake-ups from a
# webhook would wait behind thousands of overdue units after an outage.
NEWS, LATE = 0, 5


# kombu is not typed throughout, hence the two silenced calls.
class Channel(redis.Channel):
    """Kombu's channel, without two ways in which losing the broker ends the worker.

    When the connection is lost, kombu 5.7 still uses it to return unacknowledged messages and to acknowledge
    finished ones, and fails with an error that it does not handle. Neither is needed: the sweep finds the
    rows.
    """

    do_restore = False

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a message, if the connection is still there."""
        if self._is_connected():
            super().basic_ack(delivery_tag, multiple)  # type: ignore[no-untyped-call]

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject a message, if the connection is still there."""
        if self._is_connected():
            super().basic_reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]

    def _is_connected(self) -> bool:
        return self.connection is not None and self.connection.client is not None


class Transport(redis.Transport):
    """Kombu's transport with our channel."""

    Channel = Channel


def make_celery() -> Celery:
    """A Celery application bound to the configured broker, without result backend."""
    url = settings().redis_url.get_secret_value()
    app = Celery("tunehouse", broker=url)
    if url.startswith(("redis://", "rediss://")):
        app.conf.broker_transport = f"{__name__}:Transport"
    if url.startswith("rediss://") and "ssl_" not in url:
        # Because the transport is named, kombu ignores the URL's scheme.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker keeps working without the broker
        # Without these settings, what a killed worker held took longer than 60 s to come back.
        broker_transport_options={
            "visibility_timeout": 60,
            "priority_steps": [NEWS, LATE],
            "queue_order_strategy": "priority",
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
        },
    )
    return app

"""The Celery application, shared by the processes that send wake-ups and by the worker.

A message carries only the name of a unit of work. It may be lost, late or duplicated: the row in `work_items`
decides (see `service.core.work`).
"""

from typing import Any
from urllib.parse import quote

from celery import Celery
from kombu.transport import redis

from service.core.broker.redis_clients import sentinel_options
from service.settings import settings
from service.settings.redis import RedisAddress, parse

STEP_TASK = "tunehouse.step"
QUEUE = "tunehouse"
# In Redis each priority is a list, and lower numbers are read first. Without priorities, wake-ups from a
# webhook would wait behind thousands of overdue units after an outage.
NEWS, LATE = 0, 5
_TIMEOUT_S = 5.0


# kombu is not typed throughout, hence the silenced calls.
class _SurvivesLoss:
    """Kombu's channel, without two ways in which losing the broker ends the worker.

    When the connection is lost, kombu 5.7 still uses it to return unacknowledged messages and to acknowledge
    finished ones, and fails with an error that it does not handle. Neither is needed: the sweep finds the
    rows.
    """

    do_restore = False
    connection: Any

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a message, if the connection is still there."""
        if self._is_connected():
            super().basic_ack(delivery_tag, multiple)  # type: ignore[misc]  # kombu ships no types

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject a message, if the connection is still there."""
        if self._is_connected():
            super().basic_reject(delivery_tag, requeue)  # type: ignore[misc]  # as above

    def _is_connected(self) -> bool:
        return self.connection is not None and self.connection.client is not None


class Channel(_SurvivesLoss, redis.Channel):
    """A channel to one server."""


class SentinelChannel(_SurvivesLoss, redis.SentinelChannel):
    """A channel to the master that Sentinels elect."""


class Transport(redis.Transport):
    """Kombu's transport with our channel."""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """Kombu's transport for Sentinels with our channel."""

    Channel = SentinelChannel


def make_celery() -> Celery:
    """A Celery application bound to the configured broker, without result backend."""
    address = parse(settings().redis_url.get_secret_value())
    app = Celery("tunehouse", broker=_broker_url(address))
    transport = Transport if address.master is None else SentinelTransport
    app.conf.broker_transport = f"{__name__}:{transport.__name__}"
    if address.tls is not None:
        # Because the transport is named, kombu ignores the URL's scheme.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": "required", **address.tls}
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
            "socket_timeout": _TIMEOUT_S,
            **_sentinel(address),
        },
    )
    return app


def _broker_url(address: RedisAddress) -> str:
    """Return kombu's form of the address: one URL, or one for each Sentinel, separated by semicolons."""
    scheme = "redis" if address.master is None else "sentinel"
    names = (quote(text or "", safe="") for text in (address.username, address.password))
    login = f"{':'.join(names)}@" if address.password else ""
    hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in address.hosts)
    return ";".join(f"{scheme}://{login}{host}/{address.db}" for host in hosts)


def _sentinel(address: RedisAddress) -> dict[str, Any]:
    if address.master is None:
        return {}
    return {"master_name": address.master, "sentinel_kwargs": sentinel_options(address, _TIMEOUT_S)}

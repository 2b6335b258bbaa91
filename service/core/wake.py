"""Send wake-ups: messages that a unit of work may be due."""

import time
from functools import cache

import structlog
from celery import Celery
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from service.core.broker import LATE, NEWS, QUEUE, STEP_TASK, make_celery

log = structlog.get_logger(__name__)


# The broker only speeds things up: a request must not wait for an unreachable one.
_GIVE_UP_SOON = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
# How long nothing is sent after a failure. Workers find the rows themselves.
_STAY_AWAY_S = 5.0


class _Away:
    """Stores until when the broker is not used, on the monotonic clock."""

    until = 0.0


_away = _Away()


@cache
def _producer() -> Celery:
    app = make_celery()
    app.conf.broker_transport_options |= _GIVE_UP_SOON
    return app


def is_away() -> bool:
    """Whether the broker failed recently, so that nothing is sent for the moment."""
    return time.monotonic() < _away.until


def waiting() -> int | None:
    """Count the wake-ups that no worker has received yet; None if the broker cannot be reached."""
    if is_away():
        return None
    try:
        with _producer().connection_or_acquire() as connection:
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)
    except ChannelError:  # in Redis an empty queue does not exist
        return 0
    except (OperationalError, RedisError, OSError) as unreachable:
        _stay_away(unreachable)
        return None


def send(kind: str, subject_id: str, *, late: bool = False) -> None:
    """Wake a worker for one unit of work; wake-ups from the sweep are `late` and have lower priority.

    If the broker cannot be reached, the failure is logged and nothing is sent: the row is committed, and a
    worker finds it.
    """
    if is_away():
        return
    try:
        _producer().send_task(
            STEP_TASK, args=[kind, subject_id], retry=False, priority=LATE if late else NEWS
        )
    except (OperationalError, OSError) as unreachable:
        _stay_away(unreachable)


def _stay_away(unreachable: Exception) -> None:
    _away.until = time.monotonic() + _STAY_AWAY_S
    log.warning("broker_unreachable", reason=type(unreachable).__name__)

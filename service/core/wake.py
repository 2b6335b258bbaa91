"""Send a wake-up: tell some worker that a unit of work may be due."""

import time
from functools import cache

import structlog
from celery import Celery
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from service.core.broker import LATE, NEWS, QUEUE, STEP_TASK, make_celery

log = structlog.get_logger(__name__)


# A broker that hangs would cost every request its whole timeout; the sweep does without.
_STAY_AWAY_S = 2.0


class _Away:
    """Until when the broker is left alone, on the monotonic clock."""

    until = 0.0


_away = _Away()


@cache
def _producer() -> Celery:
    return make_celery()


def waiting() -> int:
    """How many wake-ups the broker holds that no worker has taken yet; 0 when it cannot be asked."""
    if time.monotonic() < _away.until:
        return 0
    try:
        with _producer().connection_or_acquire() as connection:
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)
    except ChannelError:  # in Redis an empty queue is not there
        return 0
    except (OperationalError, RedisError, OSError) as unreachable:
        _stay_away(unreachable)
        return 0


def send(kind: str, subject_id: str, *, late: bool = False) -> None:
    """Ask a worker to look at one unit of work now; `late` ones, found by the sweep, let news go first.

    A broker that cannot be reached is logged and otherwise ignored: the row is already committed and
    the sweep finds it.
    """
    if time.monotonic() < _away.until:
        return
    try:
        _producer().send_task(
            STEP_TASK, args=[kind, subject_id], retry=False, priority=LATE if late else NEWS
        )
    except (OperationalError, OSError) as unreachable:
        _stay_away(unreachable)


def _stay_away(unreachable: Exception) -> None:
    _away.until = time.monotonic() + _STAY_AWAY_S
    log.warning("broker_away", reason=type(unreachable).__name__)

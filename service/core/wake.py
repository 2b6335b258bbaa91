"""Send a wake-up: tell some worker that a unit of work may be due."""

import time
from functools import cache

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from service.core.broker import LATE, NEWS, STEP_TASK, make_celery

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
        _away.until = time.monotonic() + _STAY_AWAY_S
        log.warning("wake_up_not_sent", kind=kind, subject_id=subject_id, reason=type(unreachable).__name__)

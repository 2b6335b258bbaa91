"""Send a wake-up: tell some worker that a unit of work may be due."""

from functools import cache

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from service.core.broker import STEP_TASK, make_celery

log = structlog.get_logger(__name__)


@cache
def _producer() -> Celery:
    return make_celery()


def send(kind: str, subject_id: str) -> None:
    """Ask a worker to look at one unit of work now.

    A broker that cannot be reached is logged and otherwise ignored: the row is already committed and
    the sweep finds it.
    """
    try:
        _producer().send_task(STEP_TASK, args=[kind, subject_id], retry=False)
    except (OperationalError, OSError) as unreachable:
        log.warning("wake_up_not_sent", kind=kind, subject_id=subject_id, reason=type(unreachable).__name__)

"""The sweep: wake what is overdue, and do the chores that are due.

Every worker runs one; rows are marked, so two do not double the wakes.
"""

import threading

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from service.core import heartbeat, turns, wake
from service.core.db import transaction
from service.settings import settings
from worker.chores import CHORES, ChoreList
from worker.lanes import LANE_OF

log = structlog.get_logger(__name__)

_BATCH = 500
_ENOUGH_WAITING = 2 * _BATCH


def sweep_once() -> int:
    """Send a wake-up for each overdue unit of work outside the lanes; returns how many.

    None are sent while the broker still holds a thousand: workers that are slow or away would find the same
    units of work named again and again, and the rows do not get lost.
    """
    if wake.waiting() > _ENOUGH_WAITING:
        return 0
    with transaction() as session:
        overdue = turns.due(session, _BATCH, without=LANE_OF)
    for kind, subject_id in overdue:
        wake.send(kind, subject_id, late=True)
    return len(overdue)


class Sweeper:
    """A thread that sweeps until told to stop; a database or broker that is away is waited for."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin sweeping in the background."""
        threading.Thread(target=self._run, name="sweep", daemon=True).start()

    def stop(self) -> None:
        """Let the current sweep be the last."""
        self._stopped.set()

    def _run(self) -> None:
        chores = ChoreList(CHORES)
        while not self._stopped.wait(settings().sweep_interval_s):
            try:
                sweep_once()
                heartbeat.beat()
                chores.run_due()
            except (SQLAlchemyError, RedisError) as failure:
                log.warning("sweep_failed", reason=type(failure).__name__)

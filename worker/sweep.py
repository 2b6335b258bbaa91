"""The sweep: wake what is overdue, and do the chores that are due.

Every worker runs one. Rows are marked, so that two sweeps do not wake the same row twice. While the broker is
away the sweep does not wake: this worker does the steps itself. Lanes never need the broker.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from service.core import heartbeat, turns, wake
from service.core.db import transaction
from service.settings import settings
from worker.chores import CHORES, ChoreList
from worker.lanes import LANE_OF
from worker.run import run_step

log = structlog.get_logger(__name__)

_BATCH = 500
_ENOUGH_WAITING = 2 * _BATCH
_DIRECT_STEPS = 4  # at the same time, while the broker is away
# Without a broker nobody was woken; the pause keeps two threads from meeting at the same row.
_WOKEN_BEFORE = timedelta(milliseconds=200)


def sweep_once() -> int:
    """Send a wake-up for each overdue unit of work outside the lanes; returns how many.

    None are sent while the broker still holds a thousand, or cannot be reached. Otherwise workers that are
    slow or away would find the same units again and again, and the rows do not get lost.
    """
    waiting = wake.waiting()
    if waiting is None or waiting > _ENOUGH_WAITING:
        return 0
    with transaction() as session:
        overdue = turns.due(session, _BATCH, without=LANE_OF)
    for kind, subject_id in overdue:
        wake.send(kind, subject_id, late=True)
    return len(overdue)


class Sweeper:
    """A thread that sweeps until it is stopped. It survives outages of the database and the broker."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._direct: list[Future[None]] = []

    def start(self) -> None:
        """Start sweeping in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Make the current sweep the last."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until the last sweep and the steps that it began have ended."""
        self._thread.join()

    def _run(self) -> None:
        chores = ChoreList(CHORES)
        with ThreadPoolExecutor(_DIRECT_STEPS, "direct") as pool:
            while not self._stopped.wait(settings().sweep_interval_s):
                try:
                    sweep_once()
                    if wake.is_away():
                        self._fill(pool)
                    else:
                        heartbeat.beat()
                    chores.run_due()
                except (SQLAlchemyError, RedisError) as failure:
                    log.warning("sweep_failed", reason=type(failure).__name__)

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        self._direct = [one for one in self._direct if not one.done()]
        for _ in range(_DIRECT_STEPS - len(self._direct)):
            self._direct.append(pool.submit(self._work_directly))

    def _work_directly(self) -> None:
        """Do overdue steps in this thread until none is left, the broker is back or the worker stops."""
        while wake.is_away() and not self._stopped.is_set():
            with transaction() as session:
                overdue = turns.due(session, 1, without=LANE_OF, woken_before=_WOKEN_BEFORE)
            if not overdue:
                return
            for kind, subject_id in overdue:
                run_step(kind, subject_id)

"""The sweep: wake overdue units of work, and do the chores that are due.

Every worker runs one. Rows are marked, so that two sweeps do not wake the same row. While the broker is
unreachable, the sweep sends no wake-ups and runs the steps itself. Lanes do not need the broker. A thread
of its own waits for the broker, so that chores are done on time.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.core import turns
from service.core.broker import wake
from service.core.db import transaction
from service.settings import settings
from worker.chores import AT_START, CHORES, ChoreList, do
from worker.lanes import LANE_OF
from worker.run import run_step

log = structlog.get_logger(__name__)

_BATCH = 500
_ENOUGH_WAITING = 2 * _BATCH
# Late wake-ups are read after news, which may never end. After this time a unit is as urgent as news.
_LATE_FOR = timedelta(seconds=30)
_DIRECT_STEPS = 4  # at the same time, while the broker is away
# Without a broker, no wake-ups were sent; the pause keeps two threads from taking the same row.
_WOKEN_BEFORE = timedelta(milliseconds=200)


def sweep_once() -> int:
    """Send a wake-up for each overdue unit of work outside the lanes; returns how many.

    None are sent while the broker still holds a thousand, or cannot be reached: if workers are slow or away,
    the same units would be sent repeatedly. The rows are not lost.
    """
    waiting = wake.waiting()
    if waiting is None or waiting > _ENOUGH_WAITING:
        return 0
    with transaction() as session:
        overdue = turns.due(session, _BATCH, without=LANE_OF)
        oldest = turns.among_overdue(session, overdue, _LATE_FOR)
    for name in overdue:
        wake.send(*name, late=name not in oldest)
    return len(overdue)


def _sweep() -> None:
    try:
        sweep_once()
    except SQLAlchemyError as failure:
        log.warning("sweep_failed", reason=type(failure).__name__)
    except Exception:
        # Nobody reads the future that holds it.
        log.exception("sweep_failed")


class Sweeper:
    """A thread that sweeps until it is stopped. It survives database and broker outages."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._direct: list[Future[None]] = []

    def start(self) -> None:
        """Start sweeping in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current sweep."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until the last sweep and the steps that it started have ended."""
        self._thread.join()

    def _run(self) -> None:
        chores = ChoreList(CHORES)
        with ThreadPoolExecutor(_DIRECT_STEPS, "direct") as pool, ThreadPoolExecutor(1, "sweep") as waking:
            do(AT_START)
            sweeping = waking.submit(_sweep)
            while not self._stopped.wait(settings().sweep_interval_s):
                if sweeping.done():
                    sweeping = waking.submit(_sweep)
                if wake.is_away():
                    self._fill(pool)
                chores.run_due()

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        self._direct = [one for one in self._direct if not one.done()]
        for _ in range(_DIRECT_STEPS - len(self._direct)):
            self._direct.append(pool.submit(self._work_directly))

    def _work_directly(self) -> None:
        """Run overdue steps in this thread until none is left, the broker is back or the worker stops."""
        while wake.is_away() and not self._stopped.is_set():
            with transaction() as session:
                overdue = turns.due(session, 1, without=LANE_OF, woken_before=_WOKEN_BEFORE)
            if not overdue:
                return
            for kind, subject_id in overdue:
                run_step(kind, subject_id)

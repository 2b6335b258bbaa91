"""Lanes: separate threads for slow kinds of work, shared fairly by the teams.

jobs         steps of jobs, which call providers
webhooks     calls to receivers that teams chose, each of which may take its whole timeout
files        checks, conversions, counts and copies of datasets, each of which may take minutes
comparisons  rounds of model calls

Celery's threads run the service's own work, which has no team. A wake-up for a lane's kind only makes the
lane look for due work. The lane claims the teams' due units by turns, and gives no team more than half of its
threads.
"""

import threading
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.comparisons.actions import ADVANCE_COMPARISON
from service.core import turns
from service.core.db import transaction
from service.core.work import Lease
from service.events.actions import PUBLISH
from service.files.actions import CHECK
from service.files.copies import REMOVE
from service.files.counting import COUNT
from service.files.derived.actions import DERIVE
from service.jobs.kinds import ADVANCE_JOB, ADVANCE_RETRAIN, COPY_FILE
from service.models.actions import ADVANCE_MIGRATION, DELETE_UPSTREAM
from service.settings import settings
from service.webhooks.actions import DELIVER
from worker.run import run_leased

log = structlog.get_logger(__name__)


class Lane:
    """Runs the due work of some kinds in `threads` threads."""

    def __init__(self, name: str, kinds: Collection[str], threads: int) -> None:
        self.name = name
        self.kinds = frozenset(kinds)
        self._threads = threads
        self._most_of_a_team = max(1, threads // 2)
        self._running: Counter[str] = Counter()  # by team; "" for the service's own
        self._lock = threading.Lock()
        self._look = threading.Event()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def start(self) -> None:
        """Start to look for due work in the background."""
        threading.Thread(target=self._run, name=f"{self.name}-lane", daemon=True).start()

    def stop(self) -> None:
        """Stop claiming work. Running steps finish, and the process waits for them."""
        self._stopped.set()
        self._look.set()

    def wake(self) -> None:
        """Look for due work soon."""
        self._look.set()

    def fill(self) -> int:
        """Claim due work for the free threads and start it; returns how many units."""
        with self._lock:
            running = Counter(self._running)
        room = self._threads - running.total()
        if room <= 0:
            return 0
        with transaction() as session:
            leases = turns.claim_due(
                session,
                self.kinds,
                timedelta(seconds=settings().lease_s),
                limit=room,
                running=running,
                most_of_a_team=self._most_of_a_team,
            )
        with self._lock:
            self._running.update(lease.team_id or "" for lease in leases)
        for lease in leases:
            self._pool.submit(self._step, lease)
        return len(leases)

    def _step(self, lease: Lease) -> None:
        try:
            run_leased(lease)
        finally:
            with self._lock:
                self._running[lease.team_id or ""] -= 1
            self._look.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._look.wait(settings().sweep_interval_s)
            self._look.clear()
            try:
                while not self._stopped.is_set() and self.fill():
                    pass
            except SQLAlchemyError as failure:
                log.warning("lane_failed", lane=self.name, reason=type(failure).__name__)
                self._stopped.wait(settings().sweep_interval_s)


LANES = (
    Lane("jobs", {ADVANCE_JOB, ADVANCE_RETRAIN, ADVANCE_MIGRATION, DELETE_UPSTREAM}, threads=8),
    Lane("webhooks", {PUBLISH, DELIVER}, threads=8),
    Lane("files", {CHECK, COUNT, DERIVE, COPY_FILE, REMOVE}, threads=4),
    Lane("comparisons", {ADVANCE_COMPARISON}, threads=4),
)
LANE_OF = {kind: lane for lane in LANES for kind in lane.kinds}

"""Keep the leases of the steps that run in this worker: a step may take longer than its lease.

Without it a provider that answers slowly would never be heard out, because another worker would take over and
begin anew. A worker that dies keeps nothing; one step is kept for an hour at most, should it ever hang.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.settings import settings

log = structlog.get_logger(__name__)

_LONGEST_STEP_S = 3600.0

_running: dict[Lease, float] = {}  # since when, on the monotonic clock
_lock = threading.Lock()


@contextmanager
def running(lease: Lease) -> Iterator[None]:
    """Let the keeper know of a step while it runs."""
    with _lock:
        _running[lease] = time.monotonic()
    try:
        yield
    finally:
        with _lock:
            del _running[lease]


def keep_once() -> int:
    """Extend the leases of all steps that run here; returns how many."""
    oldest = time.monotonic() - _LONGEST_STEP_S
    with _lock:
        kept = [lease for lease, since in _running.items() if since > oldest]
    if kept:
        with transaction() as session:
            work.keep(session, kept, timedelta(seconds=settings().lease_s))
    return len(kept)


class Keeper:
    """A thread that keeps leases until told to stop; a database that is away is waited for."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin keeping in the background."""
        threading.Thread(target=self._run, name="keeper", daemon=True).start()

    def stop(self) -> None:
        """Keep no more; what still runs has the rest of its lease."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(settings().lease_s / 4):
            try:
                keep_once()
            except SQLAlchemyError as failure:
                log.warning("leases_not_kept", reason=type(failure).__name__)

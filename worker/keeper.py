"""Renew the leases of the steps that run in this worker.

A step may take longer than its lease: a large upload, a provider that answers slowly. Without renewal another
worker would take over and start again. The leases of a dead worker end by themselves. A step that hangs is
renewed for three hours at most, which is longer than the largest upload takes.
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

_LONGEST_STEP_S = 3 * 3600.0

_running: dict[Lease, float] = {}  # when each step started, on the monotonic clock
_lock = threading.Lock()


@contextmanager
def running(lease: Lease) -> Iterator[None]:
    """Have the keeper renew a lease while the block runs."""
    with _lock:
        _running[lease] = time.monotonic()
    try:
        yield
    finally:
        with _lock:
            del _running[lease]


def renew_once() -> int:
    """Renew the leases of all steps that run here; returns how many."""
    oldest = time.monotonic() - _LONGEST_STEP_S
    with _lock:
        leases = [lease for lease, since in _running.items() if since > oldest]
    if leases:
        with transaction() as session:
            work.renew(session, leases, timedelta(seconds=settings().lease_s))
    return len(leases)


class Keeper:
    """A thread that renews leases until it is stopped. It survives database outages."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start renewing in the background."""
        threading.Thread(target=self._run, name="keeper", daemon=True).start()

    def stop(self) -> None:
        """Stop renewing; steps that still run have what is left of their leases."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(settings().lease_s / 4):
            try:
                renew_once()
            except SQLAlchemyError as failure:
                log.warning("leases_not_renewed", reason=type(failure).__name__)

"""The worker's heartbeat: a thread of its own, so that neither sweeps nor chores delay it."""

import os
import socket
import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.core import heartbeat
from service.core.db import transaction

log = structlog.get_logger(__name__)

_EVERY_S = heartbeat.ALIVE_FOR.total_seconds() / 5


class Pulse:
    """A thread that records a heartbeat every 3 s until it is stopped. It survives database outages."""

    def __init__(self) -> None:
        self._id = f"{socket.gethostname()}:{os.getpid()}"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Start in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and record that this worker has ended."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        self._record(heartbeat.beat)
        while not self._stopped.wait(_EVERY_S):
            self._record(heartbeat.beat)
        self._record(heartbeat.stop)

    def _record(self, change: heartbeat.Change) -> None:
        try:
            with transaction() as session:
                change(session, self._id)
        except SQLAlchemyError as failure:
            log.warning("heartbeat_not_recorded", reason=type(failure).__name__)

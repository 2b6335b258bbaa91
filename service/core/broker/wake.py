"""Send wake-ups: messages that a unit of work may be due.

A thread sends them, so that no request waits for the broker. A wake-up may get lost: workers find the rows.
Celery is imported with the first of them: it takes 7 MB, which an idle api does not need.
"""

import atexit
import queue
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from celery import Celery

log = structlog.get_logger(__name__)


_GIVE_UP_SOON = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
# How long nothing is sent after a failure. Workers find the rows themselves.
_STAY_AWAY_S = 5.0
_MOST_UNSENT = 10_000
_LAST_SENT_WITHIN_S = 2.0  # at the end of the process


class _Away:
    """Stores until when the broker is not used, on the monotonic clock."""

    until = 0.0


_away = _Away()


@cache
def _producer() -> "Celery":
    from service.core.broker.application import make_celery

    app = make_celery()
    app.conf.broker_transport_options |= _GIVE_UP_SOON
    return app


def is_away() -> bool:
    """Whether the broker failed recently, so that nothing is sent for the moment."""
    return time.monotonic() < _away.until


def waiting() -> int | None:
    """Count the wake-ups that no worker has received yet; None if the broker cannot be reached."""
    if is_away():
        return None
    from kombu.exceptions import ChannelError

    from service.core.broker.application import QUEUE

    try:
        with _producer().connection_or_acquire() as connection:
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)
    except ChannelError:  # in Redis an empty queue does not exist
        return 0
    except _failures() as unreachable:
        _stay_away(unreachable)
        return None


def send(kind: str, subject_id: str, *, late: bool = False) -> None:
    """Wake a worker for one unit of work; wake-ups from the sweep are `late` and have lower priority.

    Returns at once. If the broker cannot be reached, the failure is logged and nothing is sent for some
    seconds: the row is committed, and a worker finds it.
    """
    if not is_away():
        _sender.put(lambda: _send(kind, subject_id, late))


def flush(timeout_s: float | None = None) -> None:
    """Wait until all wake-ups so far have been sent or dropped, or until `timeout_s` is over."""
    done = threading.Event()
    _sender.put(done.set)
    done.wait(timeout_s)


def _send(kind: str, subject_id: str, late: bool) -> None:
    if is_away():
        return
    from service.core.broker.application import LATE, NEWS, STEP_TASK

    try:
        _producer().send_task(
            STEP_TASK, args=[kind, subject_id], retry=False, priority=LATE if late else NEWS
        )
    except _failures() as unreachable:
        _stay_away(unreachable)


def _failures() -> tuple[type[Exception], ...]:
    from kombu.exceptions import OperationalError

    return OperationalError, RedisError, OSError


class _Sender:
    """A thread that makes calls in their order. It starts with the first one and ends with the process.

    A process that ends in order waits for the calls that were put before, but not for a broker that is away.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, call: Callable[[], None]) -> None:
        """Make a call soon; it is dropped if too many wait."""
        if self._calls.qsize() >= _MOST_UNSENT:
            return
        self._calls.put(call)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
                self._thread.start()
                atexit.register(flush, _LAST_SENT_WITHIN_S)

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            try:
                call()
            except Exception:
                # The thread must outlive a failure that kombu does not map.
                log.exception("wake_up_not_sent")


_sender = _Sender()


def _stay_away(unreachable: Exception) -> None:
    _away.until = time.monotonic() + _STAY_AWAY_S
    log.warning("broker_unreachable", reason=type(unreachable).__name__)

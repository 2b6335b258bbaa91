"""Draining: what a process does between SIGTERM and its end.

    SIGTERM ─► not ready, refuse new requests ─► running ones end ─► stop the server
                                                     └─ after `drain_s`: cut and settle them

It works beneath any ASGI server: it takes the signal first and passes it on once the process is idle.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Running:
    """A request that a drain waits for."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left: Callable[[], None] | None = left

    def leave(self) -> None:
        """Stop the drain from waiting for this request."""
        left, self._left = self._left, None
        if left is not None:
            left()


class Drain:
    """The drain of one process, within one event loop. Once it `has_begun`, new requests are refused."""

    def __init__(self) -> None:
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.has_begun = False
        self._cutters: list[Callable[[], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def on_cut(self, cut: Callable[[], Awaitable[None]]) -> None:
        """Register `cut`, called when `drain_s` is over: it ends the running requests and settles them."""
        self._cutters.append(cut)

    @contextmanager
    def running(self) -> Iterator["Running"]:
        """Count the block as a request that the drain waits for, until it ends or leaves."""
        self._running += 1
        self._idle.clear()
        running = Running(self._left)
        try:
            yield running
        finally:
            running.leave()

    def _left(self) -> None:
        self._running -= 1
        if not self._running:
            self._idle.set()

    def take_signals(self, drain_s: float) -> None:
        """Drain at SIGTERM and SIGINT before the server's own handlers run; at a second one cut at once."""
        if threading.current_thread() is not threading.main_thread():
            return  # only a main thread receives signals
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            stop = signal.getsignal(number)
            if callable(stop):
                loop.add_signal_handler(number, self._begin, number, stop, drain_s)

    def _begin(self, number: int, stop: Callable[[int, FrameType | None], Any], drain_s: float) -> None:
        if self._task is not None:
            self._idle.set()
            return
        log.info("drain_started", running=self._running, drain_s=drain_s)
        self.has_begun = True
        self._task = asyncio.create_task(self._end(number, stop, drain_s))

    async def _end(self, number: int, stop: Callable[[int, FrameType | None], Any], drain_s: float) -> None:
        try:
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("drain_cut", running=self._running)
        for cut in self._cutters:
            await cut()
        stop(number, None)

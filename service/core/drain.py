"""Draining: what a process does between SIGTERM and its end.

    SIGTERM ─► not ready ─► after `delay_s`: refuse new requests ─► running ones end ─► stop the server
                                                                     └─ after `drain_s`: cut and settle them

During the delay it answers as before, so that balancers can take it out without losing a request.
It works beneath any ASGI server: it takes the signal first and passes it on once the process is idle.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import structlog

log = structlog.get_logger(__name__)

Stop = Callable[[int, FrameType | None], Any]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Running:
    """A request that a drain waits for, from the start of the `with` block until it ends or leaves."""

    def __init__(self, enter: Callable[[], None], leave: Callable[[], None]) -> None:
        self._enter = enter
        self._leave: Callable[[], None] | None = leave

    def __enter__(self) -> "Running":
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Stop the drain from waiting for this request."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


class Drain:
    """The drain of one process, within one event loop.

    Once it `is_announced`, the process is not ready; once it `has_begun`, new requests are refused.
    """

    def __init__(self) -> None:
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.is_announced = self.has_begun = False
        self._hurried = asyncio.Event()
        self._cutters: list[Callable[[], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def on_cut(self, cut: Callable[[], Awaitable[None]]) -> None:
        """Register `cut`, called when `drain_s` is over: it ends the running requests and settles them."""
        self._cutters.append(cut)

    def running(self) -> Running:
        """Return a request to run in a `with` block; the drain waits for it."""
        return Running(self._enter, self._leave)

    def _enter(self) -> None:
        self._running += 1
        if not self._hurried.is_set():
            self._idle.clear()

    def _leave(self) -> None:
        self._running -= 1
        if not self._running:
            self._idle.set()

    def take_signals(self, delay_s: float, drain_s: float) -> None:
        """Drain at SIGTERM and SIGINT before the server's own handlers run; at a second one cut at once."""
        if threading.current_thread() is not threading.main_thread():
            return  # only a main thread receives signals
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            stop = signal.getsignal(number)
            if callable(stop):
                loop.add_signal_handler(number, self._begin, number, stop, delay_s, drain_s)

    def _begin(self, number: int, stop: Stop, delay_s: float, drain_s: float) -> None:
        if self._task is not None:
            self._hurried.set()
            self._idle.set()
            return
        log.info("drain_started", running=self._running, delay_s=delay_s, drain_s=drain_s)
        self.is_announced = True
        self._task = asyncio.create_task(self._end(number, stop, delay_s, drain_s))

    async def _end(self, number: int, stop: Stop, delay_s: float, drain_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._hurried.wait()
        self.has_begun = True
        try:
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("drain_cut", running=self._running)
        for cut in self._cutters:
            await cut()
        stop(number, None)

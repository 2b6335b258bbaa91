"""The exchanges in progress: each runs to its end, or is cut when its caller leaves or the process stops."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.types import Receive

from service.gateway.exchange import Exchange
from service.gateway.refusals import stopping

log = structlog.get_logger(__name__)


class Attendance:
    """Runs exchanges and knows those that have not ended."""

    def __init__(self) -> None:
        self._running: dict[Exchange, asyncio.Task[None]] = {}
        self._settling: set[asyncio.Future[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._has_stopped = False

    @property
    def has_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._has_stopped

    async def run(self, exchange: Exchange, receive: Receive, caller_left: Callable[[], None]) -> None:
        """Run an exchange.

        A stream is cut when its caller leaves. A whole answer is not: the provider finishes and bills it, so
        it is received and charged, and `caller_left` is called. Raises what the exchange raises, and
        `Unavailable` when `stop` cuts it.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
        self._running[exchange] = task
        self._idle.clear()
        watching = asyncio.create_task(_watch(exchange, receive, task, caller_left))
        try:
            if self._has_stopped:
                await self._kept(exchange.give_up())
                raise stopping()
            await exchange.run(self._kept)
        except asyncio.CancelledError:
            if exchange.was_left:
                task.uncancel()
                log.info("caller_left", subject_id=exchange.subject_id)
            elif self._has_stopped:
                task.uncancel()
                raise stopping() from None
            else:
                raise
        finally:
            watching.cancel()
            del self._running[exchange]
            if not self._running:
                self._idle.set()

    async def stop(self) -> None:
        """Cut what is running and return once all of it is settled."""
        self._has_stopped = True
        for exchange, task in self._running.items():
            if exchange.can_be_cut:
                exchange.can_be_cut = False
                task.cancel()
        await self._idle.wait()
        if self._settling:
            await asyncio.wait(self._settling)

    async def _kept(self, settling: Awaitable[None]) -> None:
        """Await a settlement that goes on even if the server cancels the request's task meanwhile."""
        future = asyncio.ensure_future(settling)
        self._settling.add(future)
        future.add_done_callback(self._settling.discard)
        await asyncio.shield(future)


async def _watch(
    exchange: Exchange, receive: Receive, task: asyncio.Task[None], caller_left: Callable[[], None]
) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if not exchange.asked.stream:
        if not exchange.reply.has_begun:
            caller_left()
    elif exchange.can_be_cut:
        exchange.can_be_cut = False
        exchange.was_left = True
        task.cancel()

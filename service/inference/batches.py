"""Many callers, one transaction: what the event loop submits is written by one thread in batches.

While one batch is being committed the next one collects. There is no timer: a lone request is written at
once, and under load the batches grow as large as the commits are slow.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LARGEST_BATCH = 500


class _Waiting(NamedTuple, Generic[Item, Result]):
    item: Item
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Result]"


class Batches(Generic[Item, Result]):
    """Hands items to `write` in batches, on a thread of its own, and each its result back.

    `write` returns one result per item, an exception for an item that failed by itself. When it raises, the
    items are written one by one, so that none fails for another's sake; unless it raised one of `hopeless`,
    which then befalls all.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        hopeless: tuple[type[Exception], ...] = (),
    ) -> None:
        self._write = write
        self._hopeless = hopeless
        self._queue: queue.SimpleQueue[_Waiting[Item, Result] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is submitted, then end; returns when that is done."""
        self._queue.put(None)
        self._thread.join()

    async def submit(self, item: Item) -> Result:
        """The result for `item` once it is committed. Raises what `write` raised or returned for it.

        Cancelling the caller does not take the item back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Waiting(item, loop, future))
        return await future

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            while len(batch) < _LARGEST_BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            waiting = [one for one in batch if one is not None]
            ended = len(waiting) < len(batch)
            if waiting:
                _deliver(waiting, self._results([one.item for one in waiting]))

    def _results(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return self._write(items)
        except self._hopeless as failure:
            return [failure] * len(items)
        except Exception as failure:  # whatever it is, those who wait must learn of it
            if len(items) == 1:
                return [failure]
            return [self._results([item])[0] for item in items]


def _deliver(waiting: Sequence[_Waiting[Item, Result]], results: Sequence[Result | Exception]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], Result | Exception]]] = {}
    for one, result in zip(waiting, results, strict=True):
        by_loop.setdefault(one.loop, []).append((one.future, result))
    for loop, outcomes in by_loop.items():
        # One wake-up for the whole batch: each costs the loop a system call.
        with suppress(RuntimeError):  # the loop has ended, and all who waited with it
            loop.call_soon_threadsafe(_settle_futures, outcomes)


def _settle_futures(outcomes: Sequence[tuple["asyncio.Future[Result]", Result | Exception]]) -> None:
    for future, outcome in outcomes:
        if future.cancelled():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

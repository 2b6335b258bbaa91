"""Batch writes: what many callers submit to the event loop is written in one transaction.

While one batch is being written the next one collects. There is no timer: a lone request is written at once,
and under load the batches grow as the commits slow down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LARGEST_BATCH = 500


class _Waiting(NamedTuple, Generic[Item, Result]):
    item: Item
    future: "asyncio.Future[Result]"


class Batches(Generic[Item, Result]):
    """Hands items to `write`, one batch at a time, and returns each item its result.

    `write` returns one result per item, an exception for an item that failed by itself; when it raises, all
    items of the batch have failed.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]]) -> None:
        self._write = write
        self._waiting: list[_Waiting[Item, Result]] = []
        self._writer: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Return once everything submitted is written."""
        if self._writer is not None:
            await self._writer

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """The result for `item` once it is committed, or what `write` raised or returned for it.

        Cancelling the future does not take the item back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Waiting(item, future))
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write_all())
        return future

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_LARGEST_BATCH], self._waiting[_LARGEST_BATCH:]
            results: Sequence[Result | Exception]
            try:
                results = await self._write([one.item for one in batch])
            except Exception as failure:  # every waiting caller gets it
                results = [failure] * len(batch)
            for one, result in zip(batch, results, strict=True):
                _settle(one.future, result)


def _settle(future: "asyncio.Future[Result]", result: Result | Exception) -> None:
    if future.cancelled():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def one_by_one(
    write: Callable[[Sequence[Item]], Sequence[Result | Exception]],
    items: Sequence[Item],
    hopeless: tuple[type[Exception], ...] = (),
) -> Sequence[Result | Exception]:
    """Return the results of `write`; if it raises, write each item alone, so that only the faulty one fails.

    Exceptions in `hopeless` are raised at once.
    """
    try:
        return write(items)
    except hopeless:
        raise
    except Exception as failure:  # the caller of this item gets it
        if len(items) == 1:
            return [failure]
        return [one_by_one(write, [item], hopeless)[0] for item in items]

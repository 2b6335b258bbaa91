"""Items submitted at the same time are written together, and fail alone."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from service.inference.batches import Batches


def test_what_comes_while_a_batch_is_written_makes_the_next_batch() -> None:
    sizes: list[int] = []
    gate = threading.Event()

    def write(items: Sequence[int]) -> list[int]:
        gate.wait(10)
        sizes.append(len(items))
        return [item * 2 for item in items]

    async def submit_all() -> list[int]:
        first = asyncio.ensure_future(batches.submit(0))
        others = [asyncio.ensure_future(batches.submit(number)) for number in range(1, 50)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(first, *others)

    batches = Batches("test", write)
    batches.start()
    assert asyncio.run(submit_all()) == [number * 2 for number in range(50)]
    batches.stop()
    assert sum(sizes) == 50
    assert len(sizes) <= 3


def test_an_item_that_cannot_be_written_fails_alone() -> None:
    def write(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise ValueError("three")
        return list(items)

    async def submit_all() -> list[int | BaseException]:
        return await asyncio.gather(*(batches.submit(number) for number in range(5)), return_exceptions=True)

    batches = Batches("test", write)
    batches.start()
    results = asyncio.run(submit_all())
    batches.stop()
    assert results[:3] + results[4:] == [0, 1, 2, 4]
    assert isinstance(results[3], ValueError)


def test_what_is_hopeless_is_not_tried_one_by_one() -> None:
    calls: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        raise ConnectionError

    async def submit_all() -> None:
        await asyncio.gather(*(batches.submit(number) for number in range(5)))

    batches = Batches("test", write, hopeless=(ConnectionError,))
    batches.start()
    with pytest.raises(ConnectionError):
        asyncio.run(submit_all())
    batches.stop()
    assert sum(calls) == 5


def test_stopping_writes_what_was_submitted() -> None:
    written: list[int] = []

    def write(items: Sequence[int]) -> list[None]:
        written.extend(items)
        return [None] * len(items)

    async def submit_and_leave() -> None:
        for number in range(20):
            asyncio.ensure_future(batches.submit(number)).cancel()
        waiting = [asyncio.ensure_future(batches.submit(number)) for number in range(20)]
        await asyncio.sleep(0)
        for one in waiting:
            one.cancel()

    batches = Batches("test", write)
    batches.start()
    asyncio.run(submit_and_leave())
    batches.stop()
    assert written == list(range(20))

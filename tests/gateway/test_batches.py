"""Items submitted at the same time are written together, and fail alone."""

import asyncio
from collections.abc import Sequence

import pytest

from service.gateway.batches import Batches, one_by_one


def test_what_comes_while_a_batch_is_written_makes_the_next_batch() -> None:
    sizes: list[int] = []

    async def submit_all() -> list[int]:
        gate = asyncio.Event()

        async def write(items: Sequence[int]) -> list[int]:
            await gate.wait()
            sizes.append(len(items))
            return [item * 2 for item in items]

        batches = Batches(write)
        first = batches.submit(0)
        await asyncio.sleep(0)
        others = [batches.submit(number) for number in range(1, 50)]
        gate.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(submit_all()) == [number * 2 for number in range(50)]
    assert sizes == [1, 49]


def test_an_item_that_fails_by_itself_fails_alone() -> None:
    async def write(items: Sequence[int]) -> list[int | Exception]:
        return [ValueError("three") if item == 3 else item for item in items]

    async def submit_all() -> list[int | BaseException]:
        batches = Batches(write)
        return await asyncio.gather(*(batches.submit(number) for number in range(5)), return_exceptions=True)

    results = asyncio.run(submit_all())
    assert results[:3] + results[4:] == [0, 1, 2, 4]
    assert isinstance(results[3], ValueError)


def test_a_batch_that_fails_does_not_end_the_writer() -> None:
    async def write(items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            raise ConnectionError
        return items

    async def submit_two() -> int:
        batches = Batches(write)
        with pytest.raises(ConnectionError):
            await batches.submit(3)
        return await batches.submit(4)

    assert asyncio.run(submit_two()) == 4


def test_stopping_writes_what_was_submitted_by_callers_who_left() -> None:
    written: list[int] = []

    async def write(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        written.extend(items)
        return items

    async def submit_and_leave() -> None:
        batches = Batches(write)
        for number in range(20):
            batches.submit(number).cancel()
        await batches.stop()

    asyncio.run(submit_and_leave())
    assert written == list(range(20))


def test_one_by_one_finds_the_item_that_spoils_a_batch() -> None:
    def write(items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            raise ValueError("three")
        return items

    results = one_by_one(write, range(5))
    assert [result for result in results if not isinstance(result, Exception)] == [0, 1, 2, 4]
    assert isinstance(results[3], ValueError)


def test_what_is_hopeless_is_not_tried_one_by_one() -> None:
    calls: list[int] = []

    def write(items: Sequence[int]) -> Sequence[int]:
        calls.append(len(items))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        one_by_one(write, range(5), hopeless=(ConnectionError,))
    assert calls == [5]

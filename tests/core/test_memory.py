"""What the gateway remembers, and for how long; the clock is the test's."""

import asyncio
import threading

import pytest
from anyio import CapacityLimiter

from service.core.short_memory import ShortMemory


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class LookUp:
    """Answers 1, 2, 3 …; waits for `go` before each answer."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Event()
        self.go.set()
        self.begins = threading.Semaphore(0)

    def __call__(self) -> int:
        self.begun += 1
        self.begins.release()
        assert self.go.wait(20)
        return self.begun


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> ShortMemory[str, int]:
    return ShortMemory(4.0, CapacityLimiter(8), clock)


def test_a_value_is_looked_up_once_while_it_is_young(memory: ShortMemory[str, int], clock: Clock) -> None:
    async def story() -> None:
        look_up = LookUp()
        await memory.find("a", look_up)
        clock.now_s = 2.9
        assert await memory.find("a", look_up) == 1
        assert look_up.begun == 1

    asyncio.run(story())


def test_in_its_last_quarter_it_is_renewed_while_nobody_waits(
    memory: ShortMemory[str, int], clock: Clock
) -> None:
    async def story() -> None:
        look_up = LookUp()
        await memory.find("a", look_up)
        clock.now_s = 3.1
        look_up.go.clear()
        assert await memory.find("a", look_up) == 1
        await asyncio.to_thread(look_up.begins.acquire, timeout=20)  # the first
        await asyncio.to_thread(look_up.begins.acquire, timeout=20)
        assert await memory.find("a", look_up) == 1
        assert look_up.begun == 2
        look_up.go.set()
        clock.now_s = 4.1  # the first is too old by now
        assert await memory.find("a", look_up) == 2

    asyncio.run(story())


def test_none_is_used_once_it_is_too_old(memory: ShortMemory[str, int], clock: Clock) -> None:
    async def story() -> None:
        await memory.find("a", LookUp())
        clock.now_s = 4.0

        def gone() -> int:
            raise LookupError

        with pytest.raises(LookupError):
            await memory.find("a", gone)

    asyncio.run(story())


def test_a_renewal_that_fails_is_tried_again_and_ends_nothing_early(
    memory: ShortMemory[str, int], clock: Clock
) -> None:
    async def story() -> None:
        await memory.find("a", LookUp())
        clock.now_s = 3.1
        failed = 0

        def fail() -> int:
            nonlocal failed
            failed += 1
            raise LookupError

        while failed < 2:
            assert await memory.find("a", fail) == 1
            await asyncio.sleep(0)

    asyncio.run(story())

"""Remember what was looked up for a short while, so that the hot path asks the database rarely."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_LARGEST = 20_000


class ShortMemory(Generic[Key, Value]):
    """Values by key, each looked up anew once it is older than `ttl_s`.

    Failures are not remembered. Callers that miss the same key at the same time share one look-up.
    """

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._known: dict[Key, tuple[float, Value]] = {}
        self._pending: dict[Key, asyncio.Task[Value]] = {}

    async def find(self, key: Key, look_up: Callable[[], Value]) -> Value:
        """The value of `key`, from memory or from `look_up`, which runs in a thread and may raise."""
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._refresh(key, look_up))
            self._pending[key] = task
            task.add_done_callback(lambda done: self._forget_task(key, done))
        # Shielded: the first caller's disconnect must not fail the others who wait.
        return await asyncio.shield(task)

    async def _refresh(self, key: Key, look_up: Callable[[], Value]) -> Value:
        # The age counts from before the look-up: what changed during it shows no later than promised.
        until = time.monotonic() + self._ttl_s
        value = await asyncio.to_thread(look_up)
        if len(self._known) >= _LARGEST:
            self._known.clear()
        self._known[key] = (until, value)
        return value

    def _forget_task(self, key: Key, done: "asyncio.Task[Value]") -> None:
        self._pending.pop(key, None)
        if not done.cancelled():
            done.exception()  # retrieved here too, in case every caller has gone

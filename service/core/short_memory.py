"""A short-lived cache, so that inference requests rarely query the database."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from anyio import CapacityLimiter, to_thread

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_LARGEST = 20_000
_RENEW_AFTER = 0.75  # of a value's time


class _Known(NamedTuple, Generic[Value]):
    value: Value
    renew_at: float
    until: float


class ShortMemory(Generic[Key, Value]):
    """Values by key, none used once it is older than `ttl_s`.

    A value used in the last quarter of its time is refreshed in the background, so frequent keys never make a
    caller wait. Failures are not cached. Callers that miss the same key at the same time share one
    look-up.
    """

    def __init__(
        self, ttl_s: float, limiter: CapacityLimiter, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`limiter` bounds the look-ups at a time; `now` is a clock in seconds that never goes back."""
        self._ttl_s = ttl_s
        self._limiter = limiter
        self._now = now
        self._known: dict[Key, _Known[Value]] = {}
        self._pending: dict[Key, asyncio.Task[Value]] = {}

    async def find(self, key: Key, look_up: Callable[[], Value]) -> Value:
        """The value of `key`, from memory or from `look_up`, which runs in a thread and may raise."""
        known, now = self._known.get(key), self._now()
        if known is None or known.until <= now:
            # Shielded: the first caller's disconnect must not fail the others who wait.
            return await asyncio.shield(self._looked_up(key, look_up))
        if known.renew_at <= now:
            self._looked_up(key, look_up)
        return known.value

    def _looked_up(self, key: Key, look_up: Callable[[], Value]) -> "asyncio.Task[Value]":
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._refresh(key, look_up))
            self._pending[key] = task
            task.add_done_callback(lambda done: self._forget_task(key, done))
        return task

    async def _refresh(self, key: Key, look_up: Callable[[], Value]) -> Value:
        # The age counts from before the look-up, so a change during it shows within `ttl_s`.
        began = self._now()
        value = await to_thread.run_sync(look_up, limiter=self._limiter)
        if len(self._known) >= _LARGEST:
            self._known.clear()
        self._known[key] = _Known(value, began + _RENEW_AFTER * self._ttl_s, began + self._ttl_s)
        return value

    def _forget_task(self, key: Key, done: "asyncio.Task[Value]") -> None:
        self._pending.pop(key, None)
        if not done.cancelled():
            done.exception()  # retrieved here too, in case no caller waits

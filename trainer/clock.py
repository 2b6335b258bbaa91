"""The trainer's clock: the machine's clock, or a manual one that moves only when told to.

Jobs and created_at follow this clock. Webhook signatures and retries follow the machine's, because
receivers compare the timestamp with their own.
"""

from __future__ import annotations

import threading
import time

import msgspec

from trainer.storage.store import Store

_KEY = "clock"


class ClockState(msgspec.Struct):
    """`manual_now` is unix seconds, None while the clock is the machine's."""

    manual_now: float | None = None


class Clock:
    """The time in unix seconds; the mode and a manual clock's time survive a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._state = store.load_setting(_KEY, ClockState) or ClockState()

    @property
    def is_manual(self) -> bool:
        """Whether time moves only by `advance`."""
        return self._state.manual_now is not None

    def now(self) -> float:
        """Unix seconds."""
        manual = self._state.manual_now
        return time.time() if manual is None else manual

    def now_s(self) -> int:
        """Whole unix seconds, as in the API."""
        return int(self.now())

    def seconds_until(self, due_at: float) -> float | None:
        """Real seconds to wait until `due_at`; None if only `advance` can reach it."""
        return None if self.is_manual else max(0.0, due_at - time.time())

    def set_manual(self, now: float | None) -> None:
        """Stop the clock at `now`, or where it stands."""
        self._change(self.now() if now is None else now)

    def set_real(self) -> None:
        """Follow the machine's clock again."""
        self._change(None)

    def advance(self, seconds: float) -> float:
        """Move a manual clock forward and return its new time."""
        with self._lock:
            self._state = ClockState(self.now() + seconds)
            self._store.save_setting(_KEY, self._state)
        return self.now()

    def _change(self, manual_now: float | None) -> None:
        with self._lock:
            self._state = ClockState(manual_now)
            self._store.save_setting(_KEY, self._state)

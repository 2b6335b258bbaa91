"""Callers that this process has authenticated a short time ago, so that not every request reads the database.

A change made in this process counts at once; one made in another counts within `inference_cache_s`.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Generic, Protocol, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy.orm import Session

from service.core import clock
from service.core.db import after_commit
from service.core.short_memory import ShortMemory

# Look-ups at a time, so that a flood of wrong keys leaves threads and connections to everything else.
KEY_CHECKS = CapacityLimiter(8)


class Ending(Protocol):
    """What a secret may do until it ends."""

    @property
    def ends_at(self) -> datetime | None:
        """When the secret stops working, if that is known."""


Known = TypeVar("Known", bound=Ending)


class KnownCallers(Generic[Known]):
    """Remembers what was found for a secret and a team header, by their hash."""

    # Replaced by each change in this process. A part of each key, so that nothing outdated is found.
    generation: ClassVar[object] = object()

    def __init__(self, ttl_s: float) -> None:
        self._memory: ShortMemory[tuple[object, bytes], Known] = ShortMemory(ttl_s, KEY_CHECKS)

    async def find(self, secret: str, team_header: str | None, look_up: Callable[[], Known]) -> Known:
        """The caller from memory or from `look_up`, which runs in a thread and may raise."""
        # Hashed too, because a header may have 32 KiB, and thousands of callers are remembered.
        named = "" if team_header is None else f"\n{team_header}"
        digest = hashlib.sha256(f"{secret}{named}".encode("latin-1")).digest()
        found = await self._memory.find((KnownCallers.generation, digest), look_up)
        if found.ends_at is None or found.ends_at > clock.now():
            return found
        # The error says why the secret does not work any more.
        return await to_thread.run_sync(look_up, limiter=KEY_CHECKS)


def forget_callers(session: Session) -> None:
    """Look all callers up again once this transaction has committed: it changes who they are or may do."""
    after_commit(session, _forget)


def _forget() -> None:
    KnownCallers.generation = object()

"""Callers that this process has authenticated a short time ago, so that not every request reads the database.

A change made in this process counts at once; one made in another counts within `inference_cache_s`.
"""

import hashlib
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session

from service.core.db import after_commit
from service.core.short_memory import ShortMemory

Known = TypeVar("Known")


class KnownCallers(Generic[Known]):
    """Remembers what was found for a secret and a team header, by the secret's hash."""

    changes: ClassVar[int] = 0  # in this process; a part of each key, so that nothing outdated is found

    def __init__(self, ttl_s: float) -> None:
        self._memory: ShortMemory[tuple[int, bytes, str | None], Known] = ShortMemory(ttl_s)

    async def find(self, secret: str, team_header: str | None, look_up: Callable[[], Known]) -> Known:
        """The caller from memory or from `look_up`, which runs in a thread and may raise."""
        digest = hashlib.sha256(secret.encode("latin-1")).digest()
        return await self._memory.find((KnownCallers.changes, digest, team_header), look_up)


def forget_callers(session: Session) -> None:
    """Look all callers up again once this transaction has committed: it changes who they are or may do."""
    after_commit(session, _count_change)


def _count_change() -> None:
    KnownCallers.changes += 1

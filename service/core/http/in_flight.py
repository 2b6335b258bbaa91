"""Requests in flight: how many of each team this process is answering, bounded by the team's quota."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import RateLimited


class InFlight:
    """Counts requests by their owner: a team, or an admin's key. One per process, used in its event loop."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def entered(self, owner: str, limit: int | None) -> Iterator[None]:
        """Count the block as a request in flight. Raises `RateLimited` if the owner has `limit` already."""
        if limit is not None and self._counts[owner] >= limit:
            raise RateLimited(
                f"This team has {limit} requests in flight, its maximum. Wait until some have ended, or ask "
                "an admin for a higher quota.",
                code="too_many_requests_in_flight",
                retry_after_s=1,
            )
        self._counts[owner] += 1
        try:
            yield
        finally:
            self._counts[owner] -= 1
            if not self._counts[owner]:
                del self._counts[owner]

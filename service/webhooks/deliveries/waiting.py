"""Wait for a delivery to end without holding a thread: ask the database now and then, for a bounded time.

Only so many requests of a team, and of this process, wait; others are answered at once with the state so far.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.concurrency import run_in_threadpool

from service.core.db import transaction
from service.webhooks import queries
from service.webhooks.states import DeliveryState
from service.webhooks.tables import WebhookAttempt

_LONGEST_S = 10.0
_EVERY_S = 0.1
_MOST_OF_A_TEAM = 2
_MOST = 16

_waiting: Counter[str | None] = Counter()  # by team; only the event loop changes it


async def wait_for_end(team_id: str | None, delivery_id: str) -> tuple[DeliveryState, WebhookAttempt | None]:
    """The delivery's state and its last attempt, once it has ended or cannot be waited for any longer."""
    with _place(team_id) as has_place:
        ends_at = time.monotonic() + (_LONGEST_S if has_place else 0)
        every_s = _EVERY_S
        while True:
            state, last = await run_in_threadpool(_look, team_id, delivery_id)
            if state is not DeliveryState.PENDING or time.monotonic() > ends_at:
                return state, last
            await asyncio.sleep(every_s)
            every_s = min(2 * every_s, 1.0)


@contextmanager
def _place(team_id: str | None) -> Iterator[bool]:
    has_place = _waiting[team_id] < _MOST_OF_A_TEAM and _waiting.total() < _MOST
    _waiting[team_id] += has_place
    try:
        yield has_place
    finally:
        _waiting[team_id] -= has_place
        if not _waiting[team_id]:
            del _waiting[team_id]


def _look(team_id: str | None, delivery_id: str) -> tuple[DeliveryState, WebhookAttempt | None]:
    with transaction() as session:
        delivery = queries.get_delivery(session, team_id, delivery_id)
        attempts = queries.attempts_of(session, [delivery_id]).get(delivery_id)
        return DeliveryState(delivery.state), attempts[-1] if attempts else None

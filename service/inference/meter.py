"""Money held before a request goes out and charged before its answer is complete, in batches."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.core import clock
from service.core.db import transaction
from service.errors import BudgetExceeded
from service.inference.batches import Batches
from service.inference.callers import Payer
from service.ledger import actions as ledger
from service.ledger.charges import Charge, Hold, HoldAsk, Settlement

log = structlog.get_logger(__name__)

# The database is away: splitting the batch would not help.
_AWAY = (OperationalError, PoolTimeout)
# The provider has billed us already, so a database that restarts is waited for.
_PAUSES_S = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)


class Meter:
    """Two writers, so that a new request does not wait behind the ends of others."""

    def __init__(self, hold_s: float) -> None:
        self._hold_for = timedelta(seconds=hold_s)
        self._holds: Batches[HoldAsk, Hold] = Batches("inference-holds", _place, _AWAY)
        self._settlements: Batches[Settlement, None] = Batches("inference-settlements", _settle, _AWAY)

    def start(self) -> None:
        """Begin to write."""
        self._holds.start()
        self._settlements.start()

    def stop(self) -> None:
        """Write what is submitted, then end."""
        self._holds.stop()
        self._settlements.stop()

    async def hold(self, caller: Payer, subject_id: str, amount_usd: Decimal) -> None:
        """Reserve money. Raises `BudgetExceeded`.

        A process that dies leaves the hold behind; it expires.
        """
        expires_at = clock.now() + self._hold_for
        await self._holds.submit(HoldAsk(caller.team_id, subject_id, amount_usd, caller.key_id, expires_at))

    async def settle(self, caller: Payer, subject_id: str, charges: Sequence[Charge] = ()) -> None:
        """Charge for what was used and release the hold; committed when this returns.

        Raises SQLAlchemy's `OperationalError` or `TimeoutError` when the database stays away for 15 s.
        """
        done = Settlement(caller.team_id, subject_id, charges)
        for pause_s in _PAUSES_S:
            try:
                return await self._settlements.submit(done)
            except _AWAY as away:
                log.warning("settlement_waits", subject_id=subject_id, reason=type(away).__name__)
                await asyncio.sleep(pause_s)
        return await self._settlements.submit(done)


def _place(asks: Sequence[HoldAsk]) -> list[Hold | BudgetExceeded]:
    with transaction() as session:
        return ledger.place_holds(session, asks)


def _settle(done: Sequence[Settlement]) -> list[None]:
    with transaction() as session:
        ledger.settle_many(session, done)
    return [None] * len(done)

"""Hold money before a request is sent, and charge it before its answer is complete, in batches.

Each batch is one statement. `transaction()` does the rest: it reports the figures of a refused budget,
appends events (a crossed threshold, a charge for review), finds the item that fails a batch, and waits for a
database that restarts.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.core import clock
from service.core.db import transaction
from service.core.postgres.prepared import NotRun, PreparedStatement
from service.errors import BudgetExceeded
from service.gateway.batches import Batches, one_by_one
from service.gateway.payer import Payer
from service.ledger import actions as ledger
from service.ledger import rows
from service.ledger.charges import Charge, Hold, HoldAsk, LostUse, Settlement
from service.ledger.forms import FormKey, KnownForms

log = structlog.get_logger(__name__)

# The database is unreachable: splitting the batch would not help.
_AWAY = (OperationalError, PoolTimeout)
# The provider has billed us already, so a database that restarts is waited for.
_PAUSES_S = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)


class Meter:
    """Two writers, so that new requests do not wait behind settlements."""

    def __init__(self, hold_s: float) -> None:
        self._hold_for = timedelta(seconds=hold_s)
        # A database crash that loses a hold also fails its request, so the hold need not wait for the disk.
        # A settlement must.
        self._place = PreparedStatement(rows.PLACE_QUICKLY, {"synchronous_commit": "off"})
        self._settle = PreparedStatement(rows.SETTLE_QUICKLY)
        self._forms = KnownForms()
        self._holds: Batches[HoldAsk, None] = Batches(self._write_holds)
        self._settlements: Batches[Settlement, None] = Batches(self._write_settlements)

    def start(self) -> None:
        """Connect; only within the event loop that will use it."""
        self._place.start()
        self._settle.start()

    async def stop(self) -> None:
        """Write what is submitted, then end."""
        await self._holds.stop()
        await self._settlements.stop()
        await self._place.stop()
        await self._settle.stop()

    async def hold(
        self, caller: Payer, subject_id: str, amount_usd: Decimal, lost: LostUse | None = None
    ) -> None:
        """Reserve money. Raises `BudgetExceeded`.

        A process that dies leaves the hold behind; once it expires, `lost` is charged as uncertain.
        """
        expires_at = clock.now() + self._hold_for
        ask = HoldAsk(caller.team_id, subject_id, amount_usd, caller.key_id, expires_at, lost)
        await self._holds.submit(ask)

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

    async def _write_holds(self, asks: Sequence[HoldAsk]) -> Sequence[Exception | None]:
        try:
            placed = [bool(row[0]) for row in await self._place.run(rows.of_asks(asks))]
        except NotRun:
            placed = [False] * len(asks)
        again = [ask for ask, is_placed in zip(asks, placed, strict=True) if not is_placed]
        if not again:
            return [None] * len(asks)
        answers = iter(await asyncio.to_thread(one_by_one, _place_surely, again, _AWAY))
        return [None if is_placed else _failure(next(answers)) for is_placed in placed]

    async def _write_settlements(self, done: Sequence[Settlement]) -> Sequence[Exception | None]:
        encoded = rows.of_settlements(done, self._forms.now())
        try:
            await self._settle.run(encoded.subjects, encoded.charges)
        except NotRun:
            self._forms.forget()  # the cause may be an id that is out of date
            return await asyncio.to_thread(one_by_one, _settle_surely, done, _AWAY)
        if encoded.new_forms:
            await asyncio.to_thread(self._learn, encoded.new_forms)
        return [None] * len(done)

    def _learn(self, charged: Mapping[FormKey, str]) -> None:
        try:
            with transaction() as session:
                self._forms.learn(session, charged)
        except _AWAY as away:  # the charges are committed, and later ones send their forms again
            log.warning("forms_not_learned", reason=type(away).__name__)


def _failure(answer: Hold | Exception) -> Exception | None:
    return answer if isinstance(answer, Exception) else None


def _place_surely(asks: Sequence[HoldAsk]) -> Sequence[Hold | BudgetExceeded]:
    with transaction() as session:
        return ledger.place_holds(session, asks)


def _settle_surely(done: Sequence[Settlement]) -> Sequence[Exception | None]:
    with transaction() as session:
        ledger.settle_many(session, done)
    return [None] * len(done)

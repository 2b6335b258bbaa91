"""One attempt of a request: it waits for an earlier attempt's answer, or runs and keeps its own.

first attempt ─► its caller leaves ─► it runs on ─► its answer is kept
                      └─ the SDK sends the request again ─► waits ─┴─► the same answer, charged once
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat
from typing import TypeVar

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from starlette.types import Receive

from service.core import clock
from service.core.db import transaction
from service.errors import Conflict
from service.gateway.payer import Payer
from service.gateway.refusals import stopping
from service.gateway.resends import actions
from service.gateway.resends.actions import AttemptId
from service.gateway.resends.marks import Mark
from service.gateway.resends.tables import InferenceAttempt

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

_FIRST_PAUSES_S = (0.1, 0.2, 0.4, 0.8)
_PAUSE_S = 1.0
_MOST_KEPT_BYTES = 2**20


class CallerLeft(Exception):
    """The caller left while it waited for an earlier attempt's answer."""


class Attempt:
    """An attempt that is charged as `subject_id`. One that runs longer than `longest` counts as dead."""

    def __init__(
        self, caller: Payer, mark: Mark, subject_id: str, *, stream: bool, longest: timedelta
    ) -> None:
        self.subject_id = subject_id
        self._caller = caller
        self._mark = mark
        self._stream = stream
        self._longest = longest
        self._is_recorded = False
        self._noting: asyncio.Task[None] | None = None

    async def earlier_answer(self, receive: Receive, is_stopping: Callable[[], bool]) -> bytes | None:
        """Return the answer of an earlier attempt, waiting while it runs; None if this attempt is to run.

        Raises `Conflict` if the key was used for another request, or if its answer cannot be repeated,
        `CallerLeft`, and `Unavailable` when the process stops.
        """
        if not self._mark.may_be_resend(stream=self._stream):
            return None
        leaving, pauses = asyncio.create_task(_until_left(receive)), chain(_FIRST_PAUSES_S, repeat(_PAUSE_S))
        try:
            while True:
                found = await self._in_thread(self._find_or_claim)
                if found is None:
                    self._is_recorded = self._mark.is_named
                    return None
                if self._is_repeatable(found):
                    return found.body
                if self._stream:
                    raise Conflict(
                        "A request with this Idempotency-Key is still in progress.",
                        code="idempotency_in_flight",
                    )
                if is_stopping():
                    raise stopping()
                if (await asyncio.wait({leaving}, timeout=next(pauses)))[0]:
                    raise CallerLeft
        finally:
            leaving.cancel()

    def caller_left(self) -> None:
        """Record that the caller may send the request again while this attempt runs on."""
        if not self._is_recorded:
            self._is_recorded = True
            self._noting = asyncio.create_task(self._in_thread(actions.note))

    async def delivered(self) -> None:
        """Forget an answer that was kept for a caller without a key: its next request is a new one."""
        if not self._mark.is_named:
            await self._in_thread(actions.forget_content)

    async def end(self, answer: bytes | None, *, is_charged: bool) -> None:
        """Keep the answer, or that the key is used up; or forget the attempt, so that it can be repeated."""
        if self._noting is not None:
            await asyncio.wait({self._noting})
        if not self._is_recorded:
            return
        self._is_recorded = False
        keeps = answer is not None and len(answer) <= _MOST_KEPT_BYTES
        try:
            if keeps:
                await self._in_thread(lambda session, own: actions.end(session, own, "answered", answer))
            elif is_charged and self._mark.is_named:
                await self._in_thread(lambda session, own: actions.end(session, own, "charged"))
            else:
                await self._in_thread(actions.forget)
        except (OperationalError, PoolTimeout) as away:
            # The row counts as running until it is too old; meanwhile its resends are refused.
            log.warning("attempt_not_recorded", subject_id=self.subject_id, reason=type(away).__name__)

    def _find_or_claim(self, session: Session, own: AttemptId) -> InferenceAttempt | None:
        if self._mark.is_named:
            return actions.claim(session, own)
        found = actions.find(session, own)
        # An attempt whose process died was charged as uncertain; its caller still wants an answer.
        return None if found is not None and self._is_dead(found) else found

    def _is_repeatable(self, found: InferenceAttempt) -> bool:
        """Whether the earlier attempt has an answer. Raises `Conflict` if it never will have one."""
        if found.fingerprint != self._mark.fingerprint:
            raise Conflict(
                "This Idempotency-Key was used before with another path or body. Use a new key for each new "
                "request.",
                code="idempotency_key_reused",
            )
        if found.state == "charged" or self._is_dead(found):
            raise Conflict(
                f"The request with this Idempotency-Key was charged as {found.subject_id}, and its answer "
                "cannot be repeated. To ask again, and pay again, use a new key.",
                code="idempotency_key_used",
            )
        return found.state == "answered"

    def _is_dead(self, found: InferenceAttempt) -> bool:
        return found.state == "running" and clock.now() - found.created_at > self._longest

    async def _in_thread(self, act: Callable[[Session, AttemptId], Result]) -> Result:
        own = AttemptId(
            self._caller.team_id,
            self._caller.key_id,
            self._mark.digest,
            self._mark.fingerprint,
            self.subject_id,
        )
        return await asyncio.to_thread(_in_transaction, act, own)


def _in_transaction(act: Callable[[Session, AttemptId], Result], own: AttemptId) -> Result:
    with transaction() as session:
        return act(session, own)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

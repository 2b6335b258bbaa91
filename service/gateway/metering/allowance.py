"""A stream ends at what is held for it: count what it brings, hold more, or cut it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from service.dataset import tokens
from service.errors import BudgetExceeded, UpstreamFailed

# A provider may count fewer tokens than we do, so only a clear excess is taken for a broken limit.
_TOLERANCE = 2
_TOLERATED_TOKENS = 256
# Events that bring no token: roles, ends, beginnings of items, and those that keep a connection alive.
_EVENTS_PER_TOKEN = 2
_SMALLEST_STEP = 64
_COUNTED_AT_ONCE = 4000  # characters


class Allowance:
    """The output tokens that one stream may bring.

    `held_tokens` are paid for by the hold, `most_tokens` are what the request allows. Between the two
    `hold_more` is called with the tokens to hold; it raises `BudgetExceeded`.
    """

    def __init__(
        self,
        held_tokens: int,
        most_tokens: int,
        encoding: str,
        hold_more: Callable[[int], Awaitable[None]],
    ) -> None:
        self._held = held_tokens
        self._most = most_tokens
        self._encoding = encoding
        self._hold_more = hold_more
        self._events = 0
        self._characters = 0
        self._count_at = max(self._due_tokens, _SMALLEST_STEP)

    def is_due(self, characters: int) -> bool:
        """Note an event that brought so many characters; whether it is time to `check`."""
        self._events += 1
        self._characters += characters
        # A text has at most about as many tokens as characters.
        return max(self._characters, self._events) >= self._count_at

    async def check(self, texts: Sequence[str]) -> None:
        """Count all that was produced, and hold more if that is needed.

        Raises `BudgetExceeded` when more cannot be held, and `UpstreamFailed` when the provider goes on far
        beyond what the request allows.
        """
        produced = max(
            await self._count("".join(texts)), (self._events - _TOLERATED_TOKENS) // _EVENTS_PER_TOKEN
        )
        if produced > self._tolerated:
            raise UpstreamFailed(
                f"The provider's stream went on beyond the {self._most} tokens that the request allows.",
                code="stream_too_long",
            )
        if produced + _SMALLEST_STEP > self._held and self._held < self._most:
            await self._extend()
        left = self._due_tokens - produced
        self._count_at = max(self._characters, self._events) + max(left, _SMALLEST_STEP)

    @property
    def _tolerated(self) -> int:
        return self._most * _TOLERANCE + _TOLERATED_TOKENS

    @property
    def _due_tokens(self) -> int:
        """The tokens at which something is to be done: hold more, or cut."""
        return self._held - _SMALLEST_STEP if self._held < self._most else self._tolerated

    async def _count(self, text: str) -> int:
        # Long texts in a thread: counting them would stop everyone's streams.
        if len(text) > _COUNTED_AT_ONCE:
            return sum(await asyncio.to_thread(tokens.count, [text], self._encoding))
        return sum(tokens.count([text], self._encoding))

    async def _extend(self) -> None:
        """Hold twice as much, or the last bit that the budget has."""
        try:
            await self._hold_up_to(self._held * 2 + _SMALLEST_STEP)
        except BudgetExceeded:
            await self._hold_up_to(self._held + 2 * _SMALLEST_STEP)

    async def _hold_up_to(self, tokens: int) -> None:
        held = min(tokens, self._most)
        await self._hold_more(held)
        self._held = held

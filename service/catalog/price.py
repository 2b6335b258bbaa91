"""What one thing costs, and what some of it then costs. Pure.

Rounding: there is none. Tokens, calls and sessions are whole and priced per 1, 1,000 or 1,000,000; hours have
at most six decimals and are priced per hour; a price has at most six decimals. Every amount is therefore
exact within twelve decimals, which is what the ledger's columns hold.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Literal

Unit = Literal["tokens", "hours", "calls", "sessions"]

PRICE_DECIMALS = 6
QUANTITY_DECIMALS = 6
AMOUNT_DECIMALS = 12
UNIT_QUANTITIES = (1, 1_000, 1_000_000)
STANDARD = "standard"
# The service tiers of OpenAI that a request may ask for or an answer name; other tiers are of other kinds.
SERVICE_TIERS = (STANDARD, "flex", "scale", "priority", "ultrafast")

_SECONDS_PER_HOUR = 3600
_QUANTITY_STEP = Decimal(1).scaleb(-QUANTITY_DECIMALS)


class PriceKind(StrEnum):
    """What is paid for."""

    TRAINING_TOKENS = "training_tokens"
    TRAINING_HOURS = "training_hours"
    INPUT_TOKENS = "input_tokens"  # of a prompt, those that came from no cache
    CACHED_INPUT_TOKENS = "cached_input_tokens"
    CACHE_WRITE_TOKENS = "cache_write_tokens"  # of a prompt, those written to a cache that charges for it
    AUDIO_INPUT_TOKENS = "audio_input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    AUDIO_OUTPUT_TOKENS = "audio_output_tokens"
    WEB_SEARCH_CALLS = "web_search_calls"
    CODE_INTERPRETER_SESSIONS = "code_interpreter_sessions"
    MCP_CALLS = "mcp_calls"

    @property
    def unit(self) -> Unit:
        """The unit its quantities are counted in."""
        return _UNITS[self.value.rpartition("_")[2]]

    @property
    def is_training(self) -> bool:
        """Whether this is paid for making a model, as opposed to using one."""
        return self in _TRAINING


_UNITS: dict[str, Unit] = {
    "tokens": "tokens",
    "hours": "hours",
    "calls": "calls",
    "sessions": "sessions",
}
_TRAINING = (PriceKind.TRAINING_TOKENS, PriceKind.TRAINING_HOURS)


@dataclass(frozen=True, kw_only=True)
class PriceTerms:
    """What is priced and how: `amount_usd` for `unit_quantity` units, from `effective_from` on.

    `model` is what `PriceRow` says it names; without a method it holds for all of them.
    """

    provider_kind: str
    model: str
    method: str | None
    kind: PriceKind
    tier: str
    unit_quantity: int
    amount_usd: Decimal
    effective_from: datetime


@dataclass(frozen=True, kw_only=True)
class Price(PriceTerms):
    """One row of the price book."""

    id: str

    @property
    def unit(self) -> Unit:
        """The unit of a quantity given to `amount_for`."""
        return self.kind.unit

    def amount_for(self, quantity: Decimal | int) -> Decimal:
        """What `quantity` units (tokens, hours, calls or sessions) cost in US dollars, exactly.

        Raises ValueError for part of a token, or for hours with more than six decimals.
        """
        exact = Decimal(quantity)
        decimals = QUANTITY_DECIMALS if self.unit == "hours" else 0
        if exact != round(exact, decimals):
            raise ValueError(f"{quantity} {self.unit}: at most {decimals} decimals can be charged")
        return exact * self.amount_usd / self.unit_quantity


def hours(seconds: float | Decimal) -> Decimal:
    """Seconds as hours with six decimals (3.6 ms), half to even: the finest that is charged."""
    return (Decimal(str(seconds)) / _SECONDS_PER_HOUR).quantize(_QUANTITY_STEP, ROUND_HALF_EVEN)


def served_as(base_id: str, *, tuned: bool) -> str:
    """The name under which the price book lists the use of a base model, or of any model tuned from it."""
    return f"ft:{base_id}" if tuned else base_id

"""Prices, and the exact amounts computed from them.

Amounts are never rounded. Tokens, calls and sessions are whole numbers priced per 1, 1,000 or 1,000,000;
hours have at most six decimals and are priced per hour; a price has at most six decimals. Every amount
therefore fits exactly into twelve decimals, the scale of the ledger's columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Literal, get_args

Unit = Literal["tokens", "hours", "calls", "sessions"]

PRICE_DECIMALS = 6
QUANTITY_DECIMALS = 6
AMOUNT_DECIMALS = 12
UNIT_QUANTITIES = (1, 1_000, 1_000_000)
STANDARD = "standard"
# OpenAI's service tiers, which a request can ask for and an answer can name. Other tiers in the price book,
# such as Azure's "regional", are not service tiers.
SERVICE_TIERS = (STANDARD, "flex", "scale", "priority", "ultrafast")

_SECONDS_PER_HOUR = 3600
_QUANTITY_STEP = Decimal(1).scaleb(-QUANTITY_DECIMALS)


class PriceKind(StrEnum):
    """What a price or a charge is for."""

    TRAINING_TOKENS = "training_tokens"
    TRAINING_HOURS = "training_hours"
    INPUT_TOKENS = "input_tokens"  # prompt tokens not read from a cache
    CACHED_INPUT_TOKENS = "cached_input_tokens"
    CACHE_WRITE_TOKENS = "cache_write_tokens"  # prompt tokens written to a cache that charges for writes
    AUDIO_INPUT_TOKENS = "audio_input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    AUDIO_OUTPUT_TOKENS = "audio_output_tokens"
    WEB_SEARCH_CALLS = "web_search_calls"
    CODE_INTERPRETER_SESSIONS = "code_interpreter_sessions"
    MCP_CALLS = "mcp_calls"
    HOSTING_HOURS = "hosting_hours"  # a tuned model that is deployed, used or not

    @property
    def unit(self) -> Unit:
        """The unit of quantities of this kind."""
        return _UNITS[self]

    @property
    def is_training(self) -> bool:
        """Whether this is for training a model, as opposed to using one."""
        return self in _TRAINING


_UNITS: Mapping[PriceKind, Unit] = {
    kind: unit for kind in PriceKind for unit in get_args(Unit) if kind.endswith(f"_{unit}")
}
_TRAINING = (PriceKind.TRAINING_TOKENS, PriceKind.TRAINING_HOURS)


@dataclass(frozen=True, kw_only=True)
class PriceTerms:
    """The terms of a price: `amount_usd` for `unit_quantity` units, from `effective_from` on.

    `model` is named as in `PriceRow`. Without a `method`, the price applies to all methods.
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
    is_confirmed: bool = True

    @property
    def unit(self) -> Unit:
        """The unit of quantities passed to `amount_for`."""
        return self.kind.unit

    def check(self, quantity: Decimal | int) -> None:
        """Raise ValueError for hours with more than six decimals, and for a fraction of any other unit."""
        if isinstance(quantity, int):
            return
        decimals = QUANTITY_DECIMALS if self.unit == "hours" else 0
        if quantity != round(quantity, decimals):
            raise ValueError(f"{quantity} {self.unit} cannot be charged: more than {decimals} decimals")

    def amount_for(self, quantity: Decimal | int) -> Decimal:
        """The exact cost in US dollars of `quantity` tokens, hours, calls or sessions.

        Raises ValueError as `check` does.
        """
        self.check(quantity)
        return quantity * self.amount_usd / self.unit_quantity


def hours(seconds: float | Decimal) -> Decimal:
    """Convert seconds to hours with six decimals (3.6 ms), the finest charged; rounds half to even."""
    return (Decimal(str(seconds)) / _SECONDS_PER_HOUR).quantize(_QUANTITY_STEP, ROUND_HALF_EVEN)


def served_as(base_id: str, *, tuned: bool) -> str:
    """The price book's name for using a base model, or any model tuned from it."""
    return f"ft:{base_id}" if tuned else base_id

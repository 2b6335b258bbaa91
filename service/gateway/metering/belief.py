"""What to charge when a provider's report cannot be right: the bound, flagged for review.

A report is believed within what was possible: the model's context, the bytes that were sent, and the caller's
limit times the number of answers.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from service.catalog.price import PriceKind
from service.gateway.body import Asked
from service.gateway.fields.examine import Demand
from service.gateway.metering.amounts import Terms, output_estimate
from service.gateway.metering.usage import Usage
from service.ledger.charges import Review

# What a provider adds to a prompt of its own: a system prompt, marks around messages, instructions of tools.
_ADDED_TOKENS = 1024

Reviews = Mapping[PriceKind, Review]


class Bounds(Struct, frozen=True):
    """The most tokens that a request can have used."""

    input_tokens: int
    output_tokens: int


def bounds(asked: Asked, demand: Demand, terms: Terms) -> Bounds:
    """Return the bounds of a request; each call of a hosted tool may read and write a whole context again."""
    context = terms.priced.target.base.context_tokens
    rounds = 1 + terms.tool_calls if terms.meters else 1
    read = context * asked.prompts * rounds
    # A token takes at least a byte, except in what the provider fetches or measures by other means.
    if not demand.has_media and rounds == 1:
        read = min(read, asked.size_bytes + _ADDED_TOKENS)
    written = output_estimate(asked, context, context * rounds)
    return Bounds(read, written)


def is_missing(said: Usage | None, *, has_text: bool) -> bool:
    """Whether we count ourselves: there is no usable report, or it denies what was read or produced."""
    return said is None or not said.input_tokens or (has_text and not said.output_tokens)


def within(said: Usage, most: Bounds) -> tuple[Usage, Reviews]:
    """Return the use to charge, and the charges to review because the report exceeds the bounds."""
    read, written = min(said.input_tokens, most.input_tokens), min(said.output_tokens, most.output_tokens)
    reviews = {}
    if read < said.input_tokens:
        reviews[PriceKind.INPUT_TOKENS] = _implausible("input", said.input_tokens, most.input_tokens)
    if written < said.output_tokens:
        reviews[PriceKind.OUTPUT_TOKENS] = _implausible("output", said.output_tokens, most.output_tokens)
    if not reviews:
        return said, reviews
    # Parts of totals that cannot be are not believed either.
    return msgspec.structs.replace(said, input_tokens=read, output_tokens=written, parts={}), reviews


def _implausible(what: str, claimed: int, bound: int) -> Review:
    reason = f"the provider reported more {what} tokens than the request can have used"
    return Review("implausible", reason, claimed=claimed, bound=bound)


def uncertain(counted_input: int, written: int, reason: str) -> tuple[Usage, Reviews]:
    """Return the most a request can have used whose outcome is unknown."""
    review = Review("uncertain", reason, bound=written)
    return Usage(counted_input, written, counted_by="tunehouse"), {PriceKind.OUTPUT_TOKENS: review}


def above_budget(said: Usage, held_output_tokens: int) -> Reviews:
    """Return the review of an answer that was longer than what is held, where the budget has no more."""
    reason = "the answer was longer than the tokens reserved for it, and the budget could not cover the rest"
    review = Review("above_budget", reason, claimed=said.output_tokens, bound=held_output_tokens)
    return {PriceKind.OUTPUT_TOKENS: review}


def unreported(counted: Usage) -> tuple[Usage, Reviews]:
    """Return our own count of a whole answer, because the provider's report is missing or malformed."""
    review = Review("implausible", "the provider's usage report is missing or malformed; Tunehouse counted")
    return counted, {PriceKind.INPUT_TOKENS: review}

"""What to charge when a provider's report cannot be right: the bound, flagged for review.

A report is believed within what was possible: at most the model's context, the bytes that were sent, and the
caller's limit times the number of answers; not much less than what was sent and passed on.
"""

from collections.abc import Callable, Mapping

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

# More characters than a token of any usual text has; beyond it, the tokens are counted.
_CHARACTERS_PER_TOKEN = 8
# Tokenizers differ, so only a report of less than half of our count is taken to be wrong.
_LESS_THAN = 2
_UNCOUNTED_TOKENS = 64

Reviews = Mapping[PriceKind, Review]


class Bounds(Struct, frozen=True):
    """The most tokens that a request can have used.

    `is_text` says that what was sent is text alone, whose tokens can be counted.
    """

    input_tokens: int
    output_tokens: int
    is_text: bool = False


def bounds(asked: Asked, demand: Demand, terms: Terms) -> Bounds:
    """Return the bounds of a request; each call of a hosted tool may read and write a whole context again."""
    context = terms.priced.target.base.context_tokens
    rounds = 1 + terms.tool_calls if terms.meters else 1
    read = context * asked.prompts * rounds
    # A token takes at least a byte, except in what the provider fetches or measures by other means.
    if not demand.has_media and rounds == 1:
        read = min(read, asked.size_bytes + _ADDED_TOKENS)
    written = output_estimate(asked, context, context * rounds)
    return Bounds(read, written, is_text=not demand.has_media and "truncation" not in asked.fields)


def needs_count(said: Usage | None, most: Bounds, *, sent_bytes: int, produced_characters: int) -> bool:
    """Whether `believed` calls `count`: the report is missing, or low for the length of its texts."""
    return (
        said is None
        or is_missing(said, has_text=produced_characters > 0)
        or _looks_low(said, most, sent_bytes, produced_characters)
    )


def believed(
    said: Usage | None, most: Bounds, *, sent_bytes: int, produced_characters: int, count: Callable[[], Usage]
) -> tuple[Usage, Reviews]:
    """Return the use to charge for an answer, and its reviews. `count` is called if `needs_count`."""
    if said is None or is_missing(said, has_text=produced_characters > 0):
        usage, reviews = _unreported(count())
    elif _looks_low(said, most, sent_bytes, produced_characters):
        usage, reviews = _not_below(said, most, count())
    else:
        usage, reviews = said, {}
    usage, more = within(usage, most)
    return usage, {**reviews, **more}


def is_missing(said: Usage | None, *, has_text: bool) -> bool:
    """Whether there is no usable report: none, or one that denies what was read or produced."""
    return said is None or not said.input_tokens or (has_text and not said.output_tokens)


def _looks_low(said: Usage, most: Bounds, sent_bytes: int, produced_characters: int) -> bool:
    enough_read = (said.input_tokens + _UNCOUNTED_TOKENS) * _CHARACTERS_PER_TOKEN
    enough_written = (said.output_tokens + _UNCOUNTED_TOKENS) * _CHARACTERS_PER_TOKEN
    return produced_characters > enough_written or (most.is_text and sent_bytes > enough_read)


def _not_below(said: Usage, most: Bounds, counted: Usage) -> tuple[Usage, Reviews]:
    """Return the use to charge where our count shows that the report is too low, and the reviews for it."""
    changed, reviews = {}, {}
    pairs = [("output", PriceKind.OUTPUT_TOKENS), ("input", PriceKind.INPUT_TOKENS)]
    for what, kind in pairs if most.is_text else pairs[:1]:
        claimed, ours = getattr(said, f"{what}_tokens"), getattr(counted, f"{what}_tokens")
        if ours > claimed * _LESS_THAN + _UNCOUNTED_TOKENS:
            changed[f"{what}_tokens"] = ours
            reason = f"the provider reported fewer {what} tokens than the text has; Tunehouse counted"
            reviews[kind] = Review("implausible", reason, claimed=claimed, bound=ours)
    if not changed:
        return said, {}
    return msgspec.structs.replace(said, **changed, parts={}, counted_by="tunehouse"), reviews


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


def cut_short(counted: Usage, held_output_tokens: int, *, reasons: bool) -> tuple[Usage, Reviews]:
    """Return the use of a stream that ended before its report; hidden reasoning makes it uncertain."""
    if not reasons:
        return counted, {}
    reason = "the stream ended before its usage report, which alone tells the model's hidden reasoning"
    return uncertain(counted.input_tokens, max(counted.output_tokens, held_output_tokens), reason)


def above_budget(said: Usage, held_output_tokens: int) -> Reviews:
    """Return the review of an answer that was longer than what is held, where the budget has no more."""
    reason = "the answer was longer than the tokens reserved for it, and the budget could not cover the rest"
    review = Review("above_budget", reason, claimed=said.output_tokens, bound=held_output_tokens)
    return {PriceKind.OUTPUT_TOKENS: review}


def _unreported(counted: Usage) -> tuple[Usage, Reviews]:
    """Return our own count of a whole answer, because the provider's report is missing or malformed."""
    review = Review("implausible", "the provider's usage report is missing or malformed; Tunehouse counted")
    return counted, {PriceKind.INPUT_TOKENS: review}

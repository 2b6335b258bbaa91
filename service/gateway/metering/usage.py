"""The usage of one request: as the provider reports it, or counted by us if the report is unusable."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from service.catalog.price import PriceKind
from service.dataset import tokens
from service.dataset.countable import Countable

Count = Annotated[int, Meta(ge=0, le=2**53)]

# Details of a usage report that are part of the totals and are not charged apart.
_PLAIN = frozenset(
    {
        "text_tokens",
        "image_tokens",
        "reasoning_tokens",
        "accepted_prediction_tokens",
        "rejected_prediction_tokens",
        "cache_write_tokens_details",
    }
)
_INPUT = {
    "cached_tokens": PriceKind.CACHED_INPUT_TOKENS,
    "cache_write_tokens": PriceKind.CACHE_WRITE_TOKENS,
    "audio_tokens": PriceKind.AUDIO_INPUT_TOKENS,
}
_OUTPUT = {"audio_tokens": PriceKind.AUDIO_OUTPUT_TOKENS}


class Usage(Struct, frozen=True):
    """Use of one request.

    `parts` says how many of the tokens, or how many calls beside them, belong to which meter. `doubts` are
    the reasons why an admin should look at the charge.
    """

    input_tokens: int
    output_tokens: int
    parts: Mapping[PriceKind, int] = {}
    counted_by: Literal["provider", "tunehouse"] = "provider"
    doubts: tuple[str, ...] = ()


class _ChatUsage(Struct):
    prompt_tokens: Count
    completion_tokens: Count | None = None
    prompt_tokens_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None


class _ResponsesUsage(Struct):
    input_tokens: Count
    output_tokens: Count
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


_chat = msgspec.json.Decoder(_ChatUsage)
_responses = msgspec.json.Decoder(_ResponsesUsage)


def from_chat(raw: bytes | msgspec.Raw | None) -> Usage | None:
    """Return the `usage` of chat and legacy completions; None when it is missing or malformed."""
    try:
        said = _chat.decode(raw) if raw else None
    except msgspec.MsgspecError:
        return None
    if said is None:
        return None
    return _with_parts(
        said.prompt_tokens,
        said.completion_tokens or 0,
        said.prompt_tokens_details,
        said.completion_tokens_details,
    )


def from_responses(raw: bytes | msgspec.Raw | None) -> Usage | None:
    """Return the `usage` of a response; None when it is missing or malformed."""
    try:
        said = _responses.decode(raw) if raw else None
    except msgspec.MsgspecError:
        return None
    if said is None:
        return None
    return _with_parts(
        said.input_tokens, said.output_tokens, said.input_tokens_details, said.output_tokens_details
    )


def _with_parts(
    input_tokens: int, output_tokens: int, of_input: dict[str, Any] | None, of_output: dict[str, Any] | None
) -> Usage:
    parts: dict[PriceKind, int] = {}
    doubts: list[str] = []
    for details, meters, total in ((of_input, _INPUT, input_tokens), (of_output, _OUTPUT, output_tokens)):
        left = total
        for name, value in (details or {}).items():
            if name in _PLAIN or not value:
                continue
            meter = meters.get(name)
            if meter is None or type(value) is not int or not 0 < value <= left:
                doubts.append(f"usage_detail:{name}")
            else:
                parts[meter] = value
                left -= value
    return Usage(input_tokens, output_tokens, parts, doubts=tuple(doubts))


@cache
def load_encoding(name: str) -> None:
    """Read the tables of an encoding (40 to 80 MB), which halts the process for up to a second."""
    tokens.count([], name)


def counted(prompt: Countable, produced: Sequence[str], encoding: str) -> Usage:
    """Our own count of what was read and what was produced."""
    output_tokens = sum(tokens.count(produced, encoding))
    return Usage(prompt.tokens(encoding), output_tokens, counted_by="tunehouse")

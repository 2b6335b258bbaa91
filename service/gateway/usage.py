"""Tokens used by one request: as the provider says, or counted by us when it does not say. Pure."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from service.dataset import tokens
from service.dataset.countable import Countable

Count = Annotated[int, Meta(ge=0, le=2**53)]


class Usage(Struct, frozen=True):
    """Tokens of one request; `cached_tokens` are part of `input_tokens`."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    counted_by: Literal["provider", "tunehouse"] = "provider"


class _Details(Struct):
    cached_tokens: Count | None = None


class _ChatUsage(Struct):
    prompt_tokens: Count
    completion_tokens: Count = 0
    prompt_tokens_details: _Details | None = None


class _ResponsesUsage(Struct):
    input_tokens: Count
    output_tokens: Count
    input_tokens_details: _Details | None = None


_chat = msgspec.json.Decoder(_ChatUsage)
_responses = msgspec.json.Decoder(_ResponsesUsage)


def from_chat(raw: bytes | msgspec.Raw | None) -> Usage | None:
    """The `usage` of chat and legacy completions; None when it is missing or makes no sense."""
    try:
        said = _chat.decode(raw) if raw else None
    except msgspec.MsgspecError:
        return None
    if said is None:
        return None
    return _checked(said.prompt_tokens, said.completion_tokens, said.prompt_tokens_details)


def from_responses(raw: bytes | msgspec.Raw | None) -> Usage | None:
    """The `usage` of a response; None when it is missing or makes no sense."""
    try:
        said = _responses.decode(raw) if raw else None
    except msgspec.MsgspecError:
        return None
    if said is None:
        return None
    return _checked(said.input_tokens, said.output_tokens, said.input_tokens_details)


def _checked(input_tokens: int, output_tokens: int, details: _Details | None) -> Usage:
    cached = (details.cached_tokens or 0) if details else 0
    return Usage(input_tokens, output_tokens, min(cached, input_tokens))


def load_encodings(names: Iterable[str]) -> None:
    """Read the tables of these encodings now; at the first count it would halt the process for 0.4 s each."""
    for name in set(names):
        tokens.count([], name)


def counted(prompt: Countable, produced: Sequence[str], encoding: str) -> Usage:
    """Our own count of what was read and what was produced."""
    output_tokens = sum(tokens.count(produced, encoding))
    return Usage(prompt.tokens(encoding), output_tokens, counted_by="tunehouse")

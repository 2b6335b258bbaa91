"""Request fields that the three endpoints share, and the refusal of those that this server cannot obey.

A field is obeyed, or refused with a 400 that names it. Labels such as `user` and `metadata`, and hints about
caching, change no answer at OpenAI either; they are accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from trainer.engines.answers import UNSUPPORTED
from trainer.errors import bad_request

Model = Annotated[str, Meta(min_length=1)]
Stop = str | Annotated[list[str], Meta(max_length=4)] | None
Maximum = Annotated[int, Meta(ge=1)] | None
Choices = Annotated[int, Meta(ge=1, le=128)] | None
Share = Annotated[float, Meta(ge=0, le=1)] | None
Temperature = Annotated[float, Meta(ge=0, le=2)] | None
Penalty = Annotated[float, Meta(ge=-2, le=2)] | None
TopLogprobs = Annotated[int, Meta(ge=0, le=20)] | None
Bias = dict[Annotated[str, Meta(pattern="^[0-9]{1,9}$")], Annotated[float, Meta(ge=-100, le=100)]] | None
Labels = dict[str, str] | None
ServiceTier = Literal["auto", "default", "flex", "scale", "priority"] | None
"""Every tier is served as `default`, which the answer says, as OpenAI's does when a tier is not available."""


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """Whether a stream ends with the token counts; obfuscation only pads events, so none is sent."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


def refuse_unsupported(body: msgspec.Struct, harmless: Mapping[str, Sequence[Any]]) -> None:
    """Raise a 400 `ApiError` for a field whose value is neither null nor one of its `harmless` values."""
    for name, values in harmless.items():
        value = getattr(body, name)
        if value is not None and value not in values:
            allowed = f" other than {' or '.join(map(repr, values))}" if values else ""
            message = f"This trainer does not support '{name}'{allowed}. Leave it out."
            raise bad_request(message, name, UNSUPPORTED)


def check_stream_options(options: StreamOptions | None, *, stream: bool | None) -> None:
    """Raise OpenAI's 400 for the options of a stream that was not asked for."""
    if options is not None and not stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise bad_request(message, "stream_options")


def stops(value: Stop) -> list[str]:
    """Stop sequences as a list."""
    return [value] if isinstance(value, str) else list(value or [])


def biases(value: Bias) -> dict[int, float]:
    """The biases that change anything, by token id."""
    return {int(token): bias for token, bias in (value or {}).items() if bias}

"""The body of `POST /responses`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trainer.engines.answers import UNSUPPORTED
from trainer.errors import bad_request
from trainer.inference import fields
from trainer.inference.fields import check_stream_options, refuse_unsupported

LOGPROBS = "message.output_text.logprobs"

# What this server cannot do, with the values that ask for nothing special. Without hosted tools, any bound on
# their calls is kept; without reasoning, there is none to include.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "access_programs": (),
    "background": (False,),
    "context_management": (),
    "conversation": (),
    "image": (),
    "moderation": (),
    "previous_response_id": (),
    "prompt": (),
    "prompt_cache_options": (),
    "reasoning": ({}, {"effort": "none"}),
    "store": (False,),
    "truncation": ("disabled",),
}
_HARMLESS_INCLUDES = {LOGPROBS, "reasoning.encrypted_content"}


class TextOptions(msgspec.Struct, forbid_unknown_fields=True):
    """The form of the answer's text."""

    format: dict[str, Any] | None = None
    verbosity: Any = None


class ResponsesRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The fields that are obeyed, those that change no answer, and those of `_HARMLESS`."""

    model: fields.Model
    input: str | Annotated[list[dict[str, Any]], Meta(min_length=1)]
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    include: list[str] | None = None
    stream: bool | None = None
    stream_options: fields.StreamOptions | None = None
    max_output_tokens: fields.Maximum = None
    temperature: fields.Temperature = None
    top_p: fields.Share = None
    top_logprobs: fields.TopLogprobs = None
    service_tier: fields.ServiceTier = None
    max_tool_calls: int | None = None
    metadata: fields.Labels = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    access_programs: Any = None
    background: Any = None
    context_management: Any = None
    conversation: Any = None
    image: Any = None
    moderation: Any = None
    previous_response_id: Any = None
    prompt: Any = None
    prompt_cache_options: Any = None
    reasoning: Any = None
    store: Any = None
    truncation: Any = None

    @property
    def wanted_logprobs(self) -> int | None:
        """The alternatives to report for each token; None if no probabilities were asked for."""
        if self.top_logprobs is None and LOGPROBS not in (self.include or ()):
            return None
        return self.top_logprobs or 0


def check_response(body: ResponsesRequest) -> None:
    """Raise a 400 `ApiError` for what this server cannot do."""
    refuse_unsupported(body, _HARMLESS)
    check_stream_options(body.stream_options, stream=body.stream)
    if body.text:
        refuse_unsupported(body.text, {"verbosity": ("medium",)})
    for included in body.include or ():
        if included not in _HARMLESS_INCLUDES:
            known = ", ".join(sorted(_HARMLESS_INCLUDES))
            message = f"This trainer cannot include {included!r}; it can include {known}."
            raise bad_request(message, "include", UNSUPPORTED)

"""The body of `POST /chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from trainer.errors import bad_request
from trainer.inference import fields
from trainer.inference.fields import check_stream_options, refuse_unsupported

# What this server cannot do, with the values that ask for nothing special.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "modalities": (["text"],),
    "moderation": (),
    "prediction": (),
    "prompt_cache_options": (),
    "reasoning_effort": ("none",),
    "store": (False,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
_PARTS = {"text": "text", "refusal": "refusal", "image_url": "image_url"}
Names = Annotated[str, Meta(min_length=1, max_length=64)]


class CalledArguments(msgspec.Struct, forbid_unknown_fields=True):
    """The function that an assistant message calls."""

    name: Names
    arguments: str


class MessageCall(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A call in an assistant message."""

    id: str
    function: CalledArguments
    type: Literal["function"] = "function"


class PromptMessage(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A message; content may be a list of parts, or absent if there are calls.

    `annotations` and `audio` come with answers, which clients send back as they are.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_calls: list[MessageCall] | None = None
    tool_call_id: str | None = None
    function_call: CalledArguments | None = None
    annotations: list[Any] | None = None
    audio: None = None


class ChatRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The fields that are obeyed, those that change no answer, and those of `_HARMLESS`."""

    model: fields.Model
    messages: Annotated[list[PromptMessage], Meta(min_length=1)]
    tools: Annotated[list[dict[str, Any]], Meta(min_length=1)] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[dict[str, Any]], Meta(min_length=1)] | None = None
    function_call: Any = None
    response_format: dict[str, Any] | None = None
    stream: bool | None = None
    stream_options: fields.StreamOptions | None = None
    n: fields.Choices = None
    max_tokens: fields.Maximum = None
    max_completion_tokens: fields.Maximum = None
    stop: fields.Stop = None
    temperature: fields.Temperature = None
    top_p: fields.Share = None
    seed: int | None = None
    frequency_penalty: fields.Penalty = None
    presence_penalty: fields.Penalty = None
    logit_bias: fields.Bias = None
    logprobs: bool | None = None
    top_logprobs: fields.TopLogprobs = None
    service_tier: fields.ServiceTier = None
    user: str | None = None
    metadata: fields.Labels = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    audio: Any = None
    modalities: Any = None
    moderation: Any = None
    prediction: Any = None
    prompt_cache_options: Any = None
    reasoning_effort: Any = None
    store: Any = None
    verbosity: Any = None
    web_search_options: Any = None


def check_chat(body: ChatRequest) -> None:
    """Raise a 400 `ApiError` for what this server cannot do, and for fields that contradict each other."""
    refuse_unsupported(body, _HARMLESS)
    check_stream_options(body.stream_options, stream=body.stream)
    if body.top_logprobs is not None and not body.logprobs:
        raise bad_request("'top_logprobs' is only allowed when 'logprobs' is true.", "top_logprobs")
    if body.parallel_tool_calls is not None and not body.tools:
        message = "'parallel_tool_calls' is only allowed when 'tools' are specified."
        raise bad_request(message, "parallel_tool_calls")
    if body.tools and (body.functions or body.function_call is not None):
        raise bad_request("Send 'tools' or the deprecated 'functions', not both.", "functions")
    if body.max_tokens and body.max_completion_tokens:
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise bad_request(message, "max_tokens")
    for number, message_given in enumerate(body.messages):
        _check_parts(message_given.content, f"messages[{number}].content")


def _check_parts(content: str | list[dict[str, Any]] | None, path: str) -> None:
    for number, part in enumerate(content if isinstance(content, list) else ()):
        here, field = f"{path}[{number}]", _PARTS.get(str(part.get("type")))
        if field is None:
            message = (
                f"This trainer does not read parts of the type {part.get('type')!r}; use {', '.join(_PARTS)}."
            )
            raise bad_request(message, f"{here}.type", "unsupported_parameter")
        if field not in part:
            raise bad_request(f"Missing required parameter: '{here}.{field}'.", f"{here}.{field}")
        if extra := next((key for key in part if key not in ("type", field)), None):
            raise bad_request(f"Unknown parameter: '{here}.{extra}'.", f"{here}.{extra}", "unknown_parameter")

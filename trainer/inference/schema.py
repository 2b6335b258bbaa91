"""Request bodies of the three endpoints; fields without effect here are accepted and ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Stop = str | Annotated[list[str], Meta(max_length=4)] | None
MaxTokens = Annotated[int, Meta(ge=1)] | None
_Choices = Annotated[int, Meta(ge=1, le=128)] | None
_Share = Annotated[float, Meta(ge=0, le=1)] | None
_Temperature = Annotated[float, Meta(ge=0, le=2)] | None


class StreamOptions(msgspec.Struct):
    """Whether a stream ends with the token counts."""

    include_usage: bool | None = None


class Message(msgspec.Struct, omit_defaults=True):
    """A chat message; content may be a list of parts, or absent if there are tool calls."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    function_call: dict[str, Any] | None = None


class ChatRequest(msgspec.Struct):
    """`POST /chat/completions`."""

    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[Message], Meta(min_length=1)]
    tools: list[dict[str, Any]] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: _Choices = None
    max_tokens: MaxTokens = None
    max_completion_tokens: MaxTokens = None
    stop: Stop = None
    temperature: _Temperature = None
    top_p: _Share = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


class CompletionRequest(msgspec.Struct):
    """`POST /completions`; a list of prompts gives a choice for each."""

    model: Annotated[str, Meta(min_length=1)]
    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=128)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: _Choices = None
    max_tokens: MaxTokens = None
    stop: Stop = None
    temperature: _Temperature = None
    top_p: _Share = None
    seed: int | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None


class ResponsesRequest(msgspec.Struct):
    """`POST /responses`, with text in and text out."""

    model: Annotated[str, Meta(min_length=1)]
    input: str | Annotated[list[Message], Meta(min_length=1)]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: MaxTokens = None
    temperature: _Temperature = None
    metadata: dict[str, str] | None = None


def stops(value: Stop) -> list[str]:
    """Stop sequences as a list."""
    return [value] if isinstance(value, str) else list(value or [])

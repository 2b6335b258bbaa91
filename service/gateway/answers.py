"""Answers of the inference routes, for the OpenAPI document alone.

They are the provider's, so they may have more fields than these.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Json = dict[str, Any]


class _OpenAnswer(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class ChoiceUsageOut(_OpenAnswer):
    """The tokens of an answer with choices."""

    prompt_tokens: int
    """Tokens of input."""
    completion_tokens: int
    """Tokens of output, in all answers."""
    total_tokens: int
    """Both together."""


class _NamedAnswer(_OpenAnswer):
    id: str = Field(description="Tunehouse's id of the answer.")
    created: int = Field(description="Unix seconds.")
    model: str = Field(description="The model as you named it.")


class ChatMessageOut(_OpenAnswer):
    """The message that a model answered with."""

    role: Literal["assistant"]
    """Always `assistant`."""
    content: str | None = None
    """The text; null if the model called tools or refused."""
    refusal: str | None = None
    """Why the model refused; null if it did not."""
    tool_calls: list[_Json] | None = None
    """The calls that the model makes, as OpenAI defines them; null for none."""


class ChatChoiceOut(_OpenAnswer):
    """One of the answers to a chat."""

    index: int
    """The number of the answer, from 0."""
    message: ChatMessageOut
    """The answer."""
    finish_reason: str | None = None
    """Why it ended, such as `stop`, `length` or `tool_calls`."""
    logprobs: _Json | None = None
    """Log probabilities of the tokens; null unless you ask for them."""


class ChatOut(_NamedAnswer):
    """The answer to a chat."""

    object: Literal["chat.completion"]
    choices: list[ChatChoiceOut]
    """The answers, `n` of them."""
    usage: ChoiceUsageOut | None = None
    """The tokens that are charged."""


class ChatDeltaOut(_OpenAnswer):
    """The part of a message that a chunk brings."""

    role: str | None = None
    """`assistant` in the first chunk of an answer; null in the others."""
    content: str | None = None
    """The next part of the text; null if there is none."""
    refusal: str | None = None
    """The next part of a refusal; null if there is none."""
    tool_calls: list[_Json] | None = None
    """The next parts of calls; null if there are none."""


class ChatChunkChoiceOut(_OpenAnswer):
    """The part of one answer that a chunk brings."""

    index: int
    """The number of the answer, from 0."""
    delta: ChatDeltaOut
    """What is new."""
    finish_reason: str | None = None
    """Why the answer ended; null until its last chunk."""


class ChatChunkOut(_NamedAnswer):
    """The data of one event of a streamed chat. The last event's data is `[DONE]`."""

    object: Literal["chat.completion.chunk"]
    choices: list[ChatChunkChoiceOut]
    """What is new in each answer; empty in the chunk with the usage."""
    usage: ChoiceUsageOut | None = None
    """The tokens that are charged; null in all chunks but one at the end, if you ask for it."""


class CompletionChoiceOut(_OpenAnswer):
    """One of the continuations of a text."""

    index: int
    """The number of the continuation, from 0."""
    text: str
    """The continuation, or its next part in a stream."""
    finish_reason: str | None = None
    """Why it ended: `stop` or `length`; null before the end of a stream."""
    logprobs: _Json | None = None
    """Log probabilities of the tokens; null unless you ask for them."""


class CompletionOut(_NamedAnswer):
    """The continuation of a text; also the data of one event of its stream, which ends with `[DONE]`."""

    object: Literal["text_completion"]
    choices: list[CompletionChoiceOut]
    """The continuations, `n` for each prompt."""
    usage: ChoiceUsageOut | None = None
    """The tokens that are charged; null in most events of a stream."""


class ResponseUsageOut(_OpenAnswer):
    """The tokens of a response."""

    input_tokens: int
    """Tokens of input."""
    output_tokens: int
    """Tokens of output, those of the reasoning included."""
    total_tokens: int
    """Both together."""


class ResponseOut(_OpenAnswer):
    """The answer to an input."""

    id: str = Field(description="Tunehouse's id of the answer.")
    object: Literal["response"]
    created_at: float = Field(description="Unix seconds.")
    model: str = Field(description="The model as you named it.")
    status: str | None = None
    """`completed`, `incomplete` or `failed`."""
    output: list[_Json]
    """Items such as messages, calls and reasoning, as OpenAI defines them."""
    usage: ResponseUsageOut | None = None
    """The tokens that are charged; null until the end of a stream."""


class ResponseEventOut(_OpenAnswer):
    """The data of one event of a streamed response; `response.completed` is the last."""

    type: str
    """What happened, such as `response.output_text.delta`."""
    sequence_number: int | None = None
    """Counts the events, from 0."""
    response: ResponseOut | None = None
    """The response so far, in the events that begin and end it; null in the others."""


# What streams bring; OpenAPI would otherwise lack these, because no route answers with one of them whole.
EVENTS = (ChatChunkOut, ResponseEventOut)

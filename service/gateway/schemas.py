"""Requests and answers of the inference routes, for the OpenAPI document alone.

The gateway reads bodies itself, against the tables in `service.gateway.fields`; a test compares the fields
here with those tables. Answers are the provider's, so they may have more fields than these.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
_Json = dict[str, Any]
_Penalty = Annotated[float, Field(ge=-2, le=2)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class _ModelCall(_Open):
    model: str = Field(description="A base model, tuned model, checkpoint or alias.")
    stream: bool | None = Field(None, description="Answer with server-sent events.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    user: str | None = None


class _Sampled(_ModelCall):
    """What the two routes have in common that answer with choices."""

    n: Annotated[int, Field(ge=1, le=128)] | None = Field(None, description="The number of answers.")
    stop: str | list[str] | None = None
    seed: int | None = None
    logit_bias: dict[str, float] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    stream_options: _Json | None = Field(None, description="`include_usage` adds a chunk with the usage.")
    max_tokens: _Tokens | None = Field(None, description="The most tokens of output, which are held.")


class ChatMessage(_Open):
    """One message of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[_Json] | None = None
    name: str | None = None
    tool_calls: list[_Json] | None = None
    tool_call_id: str | None = None


class ChatIn(_Sampled):
    """A chat to be continued, with OpenAI's fields."""

    messages: list[ChatMessage]
    max_completion_tokens: _Tokens | None = Field(None, description="The most tokens of output.")
    tools: list[_Json] | None = None
    tool_choice: str | _Json | None = None
    parallel_tool_calls: bool | None = None
    functions: list[_Json] | None = None
    function_call: str | _Json | None = None
    response_format: _Json | None = Field(None, description="`text`, `json_object` or `json_schema`.")
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = Field(None, description="The answer's own tier sets the price.")
    prediction: _Json | None = None
    modalities: list[str] | None = None
    audio: _Json | None = None
    web_search_options: _Json | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: _Json | None = None
    safety_identifier: str | None = None


class CompletionIn(_Sampled):
    """A text to be continued, with OpenAI's fields."""

    prompt: str | list[str] | list[int] | list[list[int]]
    best_of: Annotated[int, Field(ge=1, le=128)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    suffix: str | None = None


class ResponseIn(_ModelCall):
    """An input to be answered, with OpenAI's fields; nothing is stored at the provider."""

    input: str | list[_Json]
    instructions: str | None = None
    max_output_tokens: _Tokens | None = Field(None, description="The most tokens of output.")
    max_tool_calls: Annotated[int, Field(ge=1)] | None = None
    store: Literal[False] | None = Field(None, description="Tunehouse always sends false.")
    tools: list[_Json] | None = None
    tool_choice: str | _Json | None = None
    parallel_tool_calls: bool | None = None
    text: _Json | None = Field(None, description="The `format` of the answer.")
    reasoning: _Json | None = None
    include: list[str] | None = None
    image: _Json | None = None
    metadata: dict[str, str] | None = None
    stream_options: _Json | None = None
    service_tier: str | None = Field(None, description="The answer's own tier sets the price.")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    truncation: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: _Json | None = None
    safety_identifier: str | None = None


class ChoiceUsageOut(_Open):
    """The tokens of an answer with choices."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _ModelAnswer(_Open):
    id: str = Field(description="Tunehouse's id of the answer.")
    created: int = Field(description="Unix seconds.")
    model: str = Field(description="The model as you named it.")


class ChatMessageOut(_Open):
    """The message that a model answered with."""

    role: Literal["assistant"]
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Json] | None = None


class ChatChoiceOut(_Open):
    """One of the answers to a chat."""

    index: int
    message: ChatMessageOut
    finish_reason: str | None = None
    logprobs: _Json | None = None


class ChatOut(_ModelAnswer):
    """The answer to a chat."""

    object: Literal["chat.completion"]
    choices: list[ChatChoiceOut]
    usage: ChoiceUsageOut | None = None


class ChatDeltaOut(_Open):
    """The part of a message that a chunk brings."""

    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Json] | None = None


class ChatChunkChoiceOut(_Open):
    """The part of one answer that a chunk brings."""

    index: int
    delta: ChatDeltaOut
    finish_reason: str | None = None


class ChatChunkOut(_ModelAnswer):
    """The data of one event of a streamed chat. The last event's data is `[DONE]`."""

    object: Literal["chat.completion.chunk"]
    choices: list[ChatChunkChoiceOut]
    usage: ChoiceUsageOut | None = None


class CompletionChoiceOut(_Open):
    """One of the continuations of a text."""

    index: int
    text: str
    finish_reason: str | None = None
    logprobs: _Json | None = None


class CompletionOut(_ModelAnswer):
    """The continuation of a text; also the data of one event of its stream, which ends with `[DONE]`."""

    object: Literal["text_completion"]
    choices: list[CompletionChoiceOut]
    usage: ChoiceUsageOut | None = None


class ResponseUsageOut(_Open):
    """The tokens of a response."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class ResponseOut(_Open):
    """The answer to an input."""

    id: str = Field(description="Tunehouse's id of the answer.")
    object: Literal["response"]
    created_at: float = Field(description="Unix seconds.")
    model: str = Field(description="The model as you named it.")
    status: str | None = None
    output: list[_Json]
    usage: ResponseUsageOut | None = None


class ResponseEventOut(_Open):
    """The data of one event of a streamed response; `response.completed` is the last."""

    type: str
    sequence_number: int | None = None
    response: ResponseOut | None = None


# What streams bring; OpenAPI would otherwise lack these, because no route answers with one of them whole.
EVENTS = (ChatChunkOut, ResponseEventOut)

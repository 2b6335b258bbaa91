"""Requests of the inference routes, for the OpenAPI document alone.

The gateway reads bodies itself, against the tables in `service.gateway.fields`; a test compares the fields
here with those tables.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
_Json = dict[str, Any]
_Penalty = Annotated[float, Field(ge=-2, le=2)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class _ModelCall(_Open):
    model: str = Field(description="A base model, tuned model, checkpoint or alias.")
    stream: bool | None = Field(None, description="Answer with server-sent events.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Randomness of the answer, 0 to 2; null means the model's default."""
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Sample from the most likely tokens with this share of the probability, 0 to 1."""
    user: str | None = None
    """An id of your user. The provider gets it."""


class _Sampled(_ModelCall):
    """What the two routes have in common that answer with choices."""

    n: Annotated[int, Field(ge=1, le=128)] | None = Field(None, description="The number of answers.")
    stop: str | list[str] | None = None
    """Up to 4 texts at which the answer ends."""
    seed: int | None = None
    """Makes answers repeatable as far as the provider can."""
    logit_bias: dict[str, float] | None = None
    """Additions to tokens' likelihood by token id, -100 to 100."""
    frequency_penalty: _Penalty | None = None
    """Positive values make repetitions less likely, by how often a token occurred."""
    presence_penalty: _Penalty | None = None
    """Positive values make repetitions less likely, whether or not a token occurred often."""
    stream_options: _Json | None = Field(None, description="`include_usage` adds a chunk with the usage.")
    max_tokens: _Tokens | None = Field(None, description="The most tokens of output, which are held.")


class ChatMessage(_Open):
    """One message of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    """Who speaks."""
    content: str | list[_Json] | None = None
    """A text, or parts such as texts and images; null in an assistant's calls of tools."""
    name: str | None = None
    """A name of the speaker, or of the function whose result this is."""
    tool_calls: list[_Json] | None = None
    """The calls that the assistant made, as OpenAI defines them."""
    tool_call_id: str | None = None
    """The id of the call whose result this is, in messages with the role `tool`."""


class ChatIn(_Sampled):
    """A chat to be continued, with OpenAI's fields."""

    messages: list[ChatMessage]
    """The chat so far, at least one message."""
    max_completion_tokens: _Tokens | None = Field(None, description="The most tokens of output.")
    tools: list[_Json] | None = None
    """The functions that the model may call, as OpenAI defines them."""
    tool_choice: str | _Json | None = None
    """`none`, `auto`, `required`, or one function that the model must call."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may call several tools."""
    functions: list[_Json] | None = None
    """Deprecated by OpenAI: use `tools`."""
    function_call: str | _Json | None = None
    """Deprecated by OpenAI: use `tool_choice`."""
    response_format: _Json | None = Field(None, description="`text`, `json_object` or `json_schema`.")
    logprobs: bool | None = None
    """Return the log probability of each token of the answer."""
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """Return so many alternatives per token, 0 to 20; needs `logprobs`."""
    reasoning_effort: str | None = None
    """How much a reasoning model thinks before it answers, such as `low` or `high`."""
    verbosity: str | None = None
    """How long the answer should be: `low`, `medium` or `high`."""
    metadata: dict[str, str] | None = None
    """Up to 16 pairs of your own, which become tags of the charges."""
    service_tier: str | None = Field(None, description="The answer's own tier sets the price.")
    prediction: _Json | None = None
    """A text that the answer will mostly repeat, which makes it faster."""
    modalities: list[str] | None = None
    """The kinds of output, such as `text` and `audio`."""
    audio: _Json | None = None
    """The voice and format of spoken output."""
    web_search_options: _Json | None = None
    """Let the model search the web, which the provider charges per call."""
    prompt_cache_key: str | None = None
    """Groups requests whose prompts share a beginning, so that the provider's cache serves them."""
    prompt_cache_retention: str | None = None
    """How long the provider keeps the prompt in its cache."""
    prompt_cache_options: _Json | None = None
    """Further options of the provider's cache."""
    safety_identifier: str | None = None
    """A stable id of your user, with which the provider finds misuse."""


class CompletionIn(_Sampled):
    """A text to be continued, with OpenAI's fields."""

    prompt: str | list[str] | list[int] | list[list[int]]
    """A text or several, also as token ids."""
    best_of: Annotated[int, Field(ge=1, le=128)] | None = None
    """Generate so many continuations and return the best, 1 to 128. All of them are charged."""
    echo: bool | None = None
    """Return the prompt before the continuation."""
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    """Return the log probabilities of so many likely tokens per place, 0 to 5."""
    suffix: str | None = None
    """A text that follows the continuation."""


class ResponseIn(_ModelCall):
    """An input to be answered, with OpenAI's fields; nothing is stored at the provider."""

    input: str | list[_Json]
    """A text, or items such as messages and results of calls."""
    instructions: str | None = None
    """A system message for this answer."""
    max_output_tokens: _Tokens | None = Field(None, description="The most tokens of output.")
    max_tool_calls: Annotated[int, Field(ge=1)] | None = None
    """The most calls of built-in tools."""
    store: Literal[False] | None = Field(None, description="Tunehouse always sends false.")
    tools: list[_Json] | None = None
    """The functions and built-in tools that the model may call, as OpenAI defines them."""
    tool_choice: str | _Json | None = None
    """`none`, `auto`, `required`, or one tool that the model must call."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may call several tools."""
    text: _Json | None = Field(None, description="The `format` of the answer.")
    reasoning: _Json | None = None
    """How a reasoning model thinks: its `effort` and `summary`."""
    include: list[str] | None = None
    """Further data to return, such as `message.output_text.logprobs`."""
    image: _Json | None = None
    """How images are generated."""
    metadata: dict[str, str] | None = None
    """Up to 16 pairs of your own, which become tags of the charges."""
    stream_options: _Json | None = None
    """Options of the stream."""
    service_tier: str | None = Field(None, description="The answer's own tier sets the price.")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """Return so many alternatives per token, 0 to 20."""
    truncation: str | None = None
    """`auto` drops items from the middle of an input that is too long; `disabled` refuses it."""
    prompt_cache_key: str | None = None
    """Groups requests whose prompts share a beginning, so that the provider's cache serves them."""
    prompt_cache_retention: str | None = None
    """How long the provider keeps the prompt in its cache."""
    prompt_cache_options: _Json | None = None
    """Further options of the provider's cache."""
    safety_identifier: str | None = None
    """A stable id of your user, with which the provider finds misuse."""

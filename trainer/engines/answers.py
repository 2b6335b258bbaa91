"""What an engine is asked and what it answers, independent of the endpoint that was called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

UNSUPPORTED = "unsupported_parameter"

Mode = Literal["none", "auto", "required"]


class AnswerRefusedError(Exception):
    """The model cannot answer this prompt; `message`, `code` and `param` become the API's 400."""

    def __init__(self, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


@dataclass(frozen=True, kw_only=True)
class FunctionChoice:
    """Which functions the answer may call: those in `names`, all of them among the prompt's tools."""

    mode: Mode = "none"
    names: tuple[str, ...] = ()
    parallel: bool = True
    """Whether one answer may have several calls."""


NO_CALLS = FunctionChoice()


@dataclass(frozen=True, kw_only=True)
class AnswerShape:
    """The JSON that an answer's text must be: any object, or a value of `schema`."""

    schema: Mapping[str, Any]
    param: str
    """Where the request has the schema, for errors."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """The messages of a chat, or one user message made from a legacy prompt.

    `tools` have the shape of chat completions, whichever endpoint was called.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    choice: FunctionChoice = NO_CALLS
    shape: AnswerShape | None = None
    is_completion: bool = False
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    top_logprobs: int | None = None
    """The number of alternatives to report for each token; None reports no probabilities."""


@dataclass(frozen=True)
class CalledFunction:
    """A call of one of the prompt's functions; `arguments` is the JSON that the model wrote."""

    name: str
    arguments: str


@dataclass(kw_only=True)
class EngineAnswer:
    """An engine's answer: pieces that can be read once and concatenate to the text, then function calls.

    The other fields are final once the pieces are exhausted, so that an engine may produce as it is read.
    `logprobs` is OpenAI's list of `{token, logprob, bytes, top_logprobs}` for the pieces read so far, None
    unless requested.
    """

    pieces: Iterable[str]
    prompt_tokens: int
    completion_tokens: int = 0
    finish_reason: str = "stop"
    calls: list[CalledFunction] = field(default_factory=list)
    logprobs: list[dict[str, Any]] | None = None


def describe_token(text: str, logprob: float) -> dict[str, Any]:
    """A token and its log probability in OpenAI's format; JSON has no minus infinity."""
    return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(text.encode())}

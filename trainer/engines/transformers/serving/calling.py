"""What a real model can be asked, and the function calls in what it writes.

Calls are read in the form that Hermes introduced and Qwen, among others, was trained on: JSON between
`<tool_call>` tags. The chat template says whether a model knows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trainer.engines.answers import (
    UNSUPPORTED,
    AnswerRefusedError,
    CalledFunction,
    EngineAnswer,
    FunctionChoice,
    Prompt,
)
from trainer.engines.transformers.serving.generate import length_held_back

_OPEN = "<tool_call>"
_BLOCK = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_READ = ("text", "refusal")


class _WrittenCall(msgspec.Struct):
    name: str
    arguments: dict[str, Any]


def callable_tools(prompt: Prompt) -> Sequence[Mapping[str, Any]]:
    """The tools that the answer may call; the model is shown no others."""
    return [tool for tool in prompt.tools if _may_call(prompt.choice, tool["function"]["name"])]


def _may_call(choice: FunctionChoice, name: str) -> bool:
    return choice.mode != "none" and name in choice.names


def check_answerable(prompt: Prompt, tokenizer: Any, *, is_classifier: bool) -> None:
    """Raise `AnswerRefusedError` for what the model cannot obey."""
    if prompt.shape:
        _refuse("cannot be made to write JSON of a schema", prompt.shape.param)
    if prompt.choice.mode == "required":
        _refuse("cannot be made to call a function; leave 'tool_choice' at 'auto'", "tool_choice")
    template = str(tokenizer.chat_template or "")
    if callable_tools(prompt) and (is_classifier or "tools" not in template or _OPEN not in template):
        _refuse("has not been trained to call functions", "tools")
    for message in prompt.messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part.get("type") not in _READ:
                _refuse(f"reads only text, not parts of the type {part.get('type')!r}", "messages")
    if is_classifier:
        for name in ("frequency_penalty", "presence_penalty", "logit_bias"):
            if getattr(prompt, name):
                _refuse(f"is a classifier, whose labels '{name}' does not apply to", name)


def _refuse(why: str, param: str) -> None:
    raise AnswerRefusedError(f"This model {why}.", UNSUPPORTED, param)


def read_calls(answer: EngineAnswer, choice: FunctionChoice) -> EngineAnswer:
    """The answer with its calls taken out of its text; text that is no valid call stays text."""
    answer.pieces = _split(answer, iter(answer.pieces), choice)
    return answer


def _split(answer: EngineAnswer, pieces: Iterator[str], choice: FunctionChoice) -> Iterator[str]:
    held = ""
    for piece in pieces:
        held += piece
        if _OPEN in held:
            break
        safe = len(held) - length_held_back(held, [_OPEN])
        if safe:
            yield held[:safe]
            held = held[safe:]
    held += "".join(pieces)
    calls, rest = _parse(held, choice)
    if calls:
        answer.calls = calls if choice.parallel else calls[:1]
        answer.finish_reason = "tool_calls" if answer.finish_reason == "stop" else answer.finish_reason
    if rest:
        yield rest


def _parse(text: str, choice: FunctionChoice) -> tuple[list[CalledFunction], str]:
    """The calls and the text around them; no calls unless all of them can be read."""
    calls = []
    for block in _BLOCK.findall(text):
        try:
            written = msgspec.json.decode(block, type=_WrittenCall)
        except msgspec.DecodeError:
            return [], text
        if not _may_call(choice, written.name):
            return [], text
        calls.append(CalledFunction(written.name, msgspec.json.encode(written.arguments).decode()))
    return calls, (_BLOCK.sub("", text) if calls else text)

"""What a real model can be asked, and the function calls in what it writes.

Calls are read in the form in which the model's own chat template writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from trainer.engines.transformers.data.encode import Encoder
from trainer.engines.transformers.data.probe import CallForm
from trainer.engines.transformers.serving.generate import length_held_back

_READ = ("text", "refusal")
_DECODER = json.JSONDecoder()


def callable_tools(prompt: Prompt) -> Sequence[Mapping[str, Any]]:
    """The tools that the answer may call; the model is shown no others."""
    return [tool for tool in prompt.tools if _may_call(prompt.choice, tool["function"]["name"])]


def _may_call(choice: FunctionChoice, name: str) -> bool:
    return choice.mode != "none" and name in choice.names


def check_answerable(prompt: Prompt, encoder: Encoder, *, is_classifier: bool) -> None:
    """Raise `AnswerRefusedError` for what the model cannot obey."""
    if prompt.shape:
        _refuse("cannot be made to write JSON of a schema", prompt.shape.param)
    if prompt.choice.mode == "required":
        _refuse("cannot be made to call a function; leave 'tool_choice' at 'auto'", "tool_choice")
    if callable_tools(prompt) and (is_classifier or encoder.form.calls is None):
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


class CallReader:
    """Takes calls of one form out of answers; what is not a valid call of an offered function stays text."""

    def __init__(self, form: CallForm, choice: FunctionChoice, marks: Iterable[str] = ()) -> None:
        """`marks` are special tokens, which are removed from what stays text."""
        self._choice, self._opener, self._marks = choice, form.opener, tuple(marks)
        names = "|".join(re.escape(name) for name in sorted(choice.names, key=len, reverse=True))
        self._name = rf"(?P<name>{names}){form.middle}"
        self._first = re.compile(form.lead + self._name)
        self._next = re.compile(form.joint + self._name) if form.joint else None
        self._rest = re.compile(form.rest)

    def read(self, answer: EngineAnswer) -> EngineAnswer:
        """The answer with its calls taken out of its text."""
        answer.pieces = self._split(answer, iter(answer.pieces))
        return answer

    def _split(self, answer: EngineAnswer, pieces: Iterator[str]) -> Iterator[str]:
        held = ""
        for piece in pieces:
            held += piece
            if self._opener in held:
                break
            safe = len(held) - length_held_back(held, [self._opener])
            if shown := self._without_marks(held[:safe]):
                yield shown
            held = held[safe:]
        held += "".join(pieces)
        calls, rest = self._parse(held)
        if calls:
            answer.calls = calls if self._choice.parallel else calls[:1]
            answer.finish_reason = "tool_calls" if answer.finish_reason == "stop" else answer.finish_reason
        if shown := self._without_marks(rest):
            yield shown

    def _parse(self, text: str) -> tuple[list[CalledFunction], str]:
        """The calls and the text around them; no calls unless all of them can be read."""
        calls: list[CalledFunction] = []
        around, at = "", 0
        while (start := text.find(self._opener, at)) >= 0:
            match = self._first.match(text, start)
            around += text[at:start]
            while match:
                try:
                    arguments, at = _DECODER.raw_decode(text, match.end())
                except ValueError:
                    return [], text
                if not isinstance(arguments, dict):
                    return [], text
                calls.append(CalledFunction(match["name"], msgspec.json.encode(arguments).decode()))
                match = self._next.match(text, at) if self._next else None
            if not calls or at <= start:
                return [], text
            rest = self._rest.match(text, at)
            if rest is None and text[at:].strip():
                return [], text
            at = rest.end() if rest else len(text)
        return calls, (around + text[at:] if calls else text)

    def _without_marks(self, text: str) -> str:
        for mark in self._marks:
            text = text.replace(mark, "")
        return text

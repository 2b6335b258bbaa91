"""Checks that everything an example or a prompt contains is in the text that the model reads.

Chat templates leave out silently what they do not know: function calls, tools, a system message, an answer
beside a call. A model trained on such a text learns something else than the file says. What a template
leaves out depends on the shape of a chat, so each shape is rendered once with marks in place of its texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from trainer.engines.examples import InvalidExampleError
from trainer.engines.transformers.data.messages import Messages, Tools

_MAX_SHAPES = 4096  # remembered; a file has few
_THOUGHT = "</think>"  # templates drop what stands before it from earlier turns, on purpose

_Mark = tuple[str, str]  # a text that must appear, and what it stands for


class Contract:
    """Checks chats against one template; `render` renders messages and tools to text."""

    def __init__(self, render: Callable[..., str]) -> None:
        self._render = render
        self._known: dict[str, str] = {}

    def check_shape(self, messages: Messages, tools: Tools) -> None:
        """Raise `InvalidExampleError` if the template leaves out a part of chats of this shape."""
        shape = json.dumps([[_shape(message) for message in messages], len(tools)])
        flaw = self._known.get(shape)
        if flaw is None:
            if len(self._known) >= _MAX_SHAPES:
                self._known.clear()
            flaw = self._known[shape] = self._find_flaw(messages, tools)
        if flaw:
            raise InvalidExampleError(
                f"{flaw} does not appear in what the model reads: the base's chat template leaves it out"
            )

    def check_texts(self, messages: Messages, whole: str, said: dict[int, str]) -> None:
        """Raise `InvalidExampleError` unless each content is in the text; `said` has the trained turns.

        Of an earlier answer that is not trained, the part before `</think>` may be missing.
        """
        text = _squeeze(whole)
        for at, message in enumerate(messages):
            content, place = message["content"], text
            if at in said:
                place = _squeeze(said[at])
            elif message["role"] == "assistant":
                content = content.rpartition(_THOUGHT)[2]
            if not _appears(content, place):
                raise InvalidExampleError(
                    f"message {at + 1} does not appear in what the model reads as it is: the base's chat"
                    " template changes it"
                )

    def _find_flaw(self, messages: Messages, tools: Tools) -> str:
        marked, marks = _marked(messages)
        marked_tools, tool_marks = _marked_tools(tools)
        text = self._render(marked, marked_tools, asks=False)
        return next((what for mark, what in [*marks, *tool_marks] if mark not in text), "")


def _shape(message: dict[str, object]) -> list[object]:
    calls = message.get("tool_calls")
    written = [isinstance(_arguments(call), dict) for call in calls] if isinstance(calls, list) else []
    return [message["role"], bool(message["content"]), written, sorted(message)]


def _arguments(call: dict[str, dict[str, object]]) -> object:
    return call["function"]["arguments"]


def _marked(messages: Messages) -> tuple[Messages, list[_Mark]]:
    """The same chat with a mark in place of each text, name and argument."""
    found: Messages = []
    marks: list[_Mark] = []
    for number, message in enumerate(messages, 1):
        changed = dict(message)
        if message["content"]:
            changed["content"] = f"qz{number}content"
            marks.append((changed["content"], f"the content of message {number}"))
        if message.get("tool_calls"):
            changed["tool_calls"] = []
            for place, call in enumerate(message["tool_calls"], 1):
                mark = f"qz{number}call{place}"
                key, value = f"{mark}key", f"{mark}value"
                given = {key: value} if isinstance(_arguments(call), dict) else f'{{"{key}": "{value}"}}'
                changed["tool_calls"].append(
                    {**call, "function": {"name": f"{mark}name", "arguments": given}}
                )
                which = f"function call {place} of message {number}"
                marks += [
                    (f"{mark}name", which),
                    (key, f"an argument of {which}"),
                    (value, f"an argument of {which}"),
                ]
        found.append(changed)
    return found, marks


def _marked_tools(tools: Tools) -> tuple[Tools, list[_Mark]]:
    found: Tools = []
    marks: list[_Mark] = []
    for number in range(1, len(tools) + 1):
        name, key = f"qztool{number}name", f"qztool{number}key"
        parameters = {
            "type": "object",
            "properties": {key: {"type": "string", "description": "-"}},
            "required": [key],
        }
        function = {"name": name, "description": "-", "parameters": parameters}
        found.append({"type": "function", "function": function})
        marks += [(name, f"tool {number}"), (key, f"a parameter of tool {number}")]
    return found, marks


def _appears(content: str, squeezed: str) -> bool:
    forms: Sequence[str] = (
        content,
        json.dumps(content, ensure_ascii=False)[1:-1],
        json.dumps(content)[1:-1],
    )
    return any(_squeeze(form) in squeezed for form in forms)


def _squeeze(text: str) -> str:
    """Without white space, which templates trim and move."""
    return "".join(text.split())

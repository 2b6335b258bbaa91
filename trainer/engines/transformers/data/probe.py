"""Finds out from a chat template how a turn ends and how function calls are written, by rendering probes.

A base's template is the only place that says either. Served answers end at the end found here, and calls in
them are read by the form found here, so that what a model was trained to write is what the server reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainer.engines.examples import InvalidExampleError

Render = Callable[..., str]

_NAMES, _KEY, _VALUE = ("qzfirst", "qzsecond"), "qzkey", "qzvalue"
_IDS = ("qzcall001", "qzcall002")  # nine letters and digits: what Mistral's templates insist on
_ANSWER = "qzanswer"
_THOUGHT = "</think>"
_ARGUMENTS = re.compile(rf'\{{\s*"{_KEY}"\s*:\s*"{_VALUE}"\s*\}}')
_ASKED = {"role": "user", "content": "qzquestion"}
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "qzdescription",
            "parameters": {"type": "object", "properties": {_KEY: {"type": "string", "description": "-"}}},
        },
    }
    for name in _NAMES
]


@dataclass(frozen=True)
class CallForm:
    """How calls are written: `lead` NAME `middle` ARGUMENTS, then `joint` and the next call, or `rest`.

    The parts are regular expressions that allow any white space. `joint` is None where a turn has one call.
    """

    opener: str
    """The text that a call begins with; none of it is shown before it is known to be no call."""
    lead: str
    middle: str
    rest: str
    joint: str | None = None


@dataclass(frozen=True)
class ChatForm:
    """What a template does; `end` is the token that ends an assistant's turn, None if no token does."""

    end: int | None
    calls: CallForm | None
    arguments_as_text: bool
    """Whether the template needs the arguments of a call as JSON text, not as an object."""


def probe(tokenizer: Any, render: Render, ends: frozenset[int]) -> ChatForm:
    """Render probes; `ends` are the tokens that the base itself says end a text."""
    end = _find_end(tokenizer, render, ends)
    end_text = tokenizer.convert_ids_to_tokens(end) if end is not None else ""
    for as_text in (False, True):
        if calls := _find_calls(render, end_text, as_text=as_text):
            return ChatForm(end, calls, as_text)
    return ChatForm(end, None, arguments_as_text=False)


def _find_end(tokenizer: Any, render: Render, ends: frozenset[int]) -> int | None:
    try:
        text = render([_ASKED, {"role": "assistant", "content": _ANSWER}], asks=False)
    except InvalidExampleError:
        return None
    tail = text[text.rfind(_ANSWER) + len(_ANSWER) :]
    marks = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    found = [
        number
        for number in tokenizer(tail, add_special_tokens=False).input_ids
        if number in ends or number in marks
    ]
    return next((number for number in found if number in ends), found[0] if found else None)


def _find_calls(render: Render, end: str, *, as_text: bool) -> CallForm | None:
    one = _said(render, end, 1, as_text=as_text)
    if one is None or (parts := _take_apart(one, _NAMES[:1])) is None:
        return None
    lead, middle, rest = parts
    if not lead.strip():
        return None
    joint = None
    two = _said(render, end, 2, as_text=as_text)
    if two is not None and (both := _take_apart(two, _NAMES)) and both[0] == lead:
        joint = both[2]
    return CallForm(
        opener=lead.split()[0],
        lead=_lenient(lead),
        middle=_lenient(middle),
        rest=_lenient(rest),
        joint=_lenient(joint) if joint else None,
    )


def _said(render: Render, end: str, n_calls: int, *, as_text: bool) -> str | None:
    """What the assistant says to make the calls, without the end of its turn."""
    arguments: Any = f'{{"{_KEY}": "{_VALUE}"}}' if as_text else {_KEY: _VALUE}
    calls = [
        {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}
        for ident, name in zip(_IDS[:n_calls], _NAMES, strict=False)
    ]
    turn = {"role": "assistant", "content": "", "tool_calls": calls}
    try:
        asked = render([_ASKED], _TOOLS, asks=True)
        text = render([_ASKED, turn], _TOOLS, asks=False)
    except InvalidExampleError:
        return None
    said = text[len(asked) :] if text.startswith(asked) else text[text.rfind(str(_ASKED["content"])) :]
    said = said.rpartition(_THOUGHT)[2]  # reasoning before a call is not part of its form
    last_name = said.rfind(_NAMES[n_calls - 1])
    at = said.find(end, last_name) if end and last_name >= 0 else -1
    return said[:at] if at >= 0 else said


def _take_apart(said: str, names: tuple[str, ...]) -> tuple[str, str, str] | None:
    """The text before a name, that between name and arguments, and that after the first arguments.

    The last reaches to the next name if there are two, to the end if there is one.
    """
    name_at = said.find(names[0])
    written = _ARGUMENTS.search(said, max(name_at, 0))
    if name_at < 0 or written is None:
        return None
    until = said.find(names[1], written.end()) if len(names) > 1 else len(said)
    if until < 0:
        return None
    middle = said[name_at + len(names[0]) : written.start()]
    return said[:name_at], middle, said[written.end() : until]


def _lenient(text: str) -> str:
    """A pattern for this text with any white space between its words and signs, and any id."""
    words = re.findall(r"\w+|[^\w\s]", text)
    return r"\s*" + r"\s*".join(r"[\w-]*" if word in _IDS else re.escape(word) for word in words) + r"\s*"

"""Answers in DSPy's form of headed fields, which its prompts describe instead of a JSON Schema.

The prompt shows each field as `[[ ## name ## ]]` above `{name}`, with a note on its value unless that is a
text, and ends by naming the fields of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trainer.engines.examples import last_user_text, text_of
from trainer.engines.sandbox.impossible import ImpossibleError
from trainer.engines.sandbox.invent import invent

_REQUEST = "Respond with the corresponding output fields, starting with the field `[[ ## "
_HEAD = re.compile(r"\[\[ ## (\w+) ## \]\]")
_DESCRIBED = re.compile(r"\[\[ ## (\w+) ## \]\]\n\{\w+\}(?:[ ]+# note: the value you produce must (.+))?")
_END = "completed"
_SCHEMA = "adhere to the JSON schema: "
_OPTIONS = "exactly match (no extra characters) one of: "
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "": {"type": "string"},
    "be a single int value": {"type": "integer"},
    "be a single float value": {"type": "number"},
    "be True or False": {"enum": [True]},
}


def fill_form(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The filled form; None if the last user message asks for none, or for a value that is not understood."""
    _, asks, request = last_user_text(messages).rpartition(_REQUEST)
    if not asks:
        return None
    described = [field for one in messages for field in _DESCRIBED.findall(text_of(one.get("content")))]
    notes = dict(described)
    names = _HEAD.findall(f"[[ ## {request}")
    try:
        fields = [f"[[ ## {name} ## ]]\n{_value(name, notes[name])}" for name in names if name != _END]
    except (KeyError, ImpossibleError, msgspec.DecodeError):
        return None
    return "\n\n".join([*fields, f"[[ ## {_END} ## ]]\n"])


def _value(name: str, note: str) -> str:
    if note.startswith(_OPTIONS):
        return note.removeprefix(_OPTIONS).partition("; ")[0]
    if note.startswith(_SCHEMA):
        schema = msgspec.json.decode(note.removeprefix(_SCHEMA), type=dict[str, Any])
        return msgspec.json.encode(invent(schema, name)).decode()
    return str(invent(_SCHEMAS[note], name))

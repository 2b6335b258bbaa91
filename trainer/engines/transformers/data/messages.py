"""Puts messages and tools into the form that chat templates expect, and refuses what no template can show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.engines.examples import InvalidExampleError

_ROLES = {"developer": "system", "function": "tool"}  # what templates call them
_READ = ("text", "refusal")

Messages = list[dict[str, Any]]
Tools = list[dict[str, Any]]


def plain(messages: Sequence[Mapping[str, Any]], *, arguments_as_text: bool = False) -> Messages:
    """Messages with text contents, roles that templates know, and `tool_calls` alone for calls.

    The deprecated `function_call` becomes a tool call, and the `function` message after it its result.
    Arguments become objects unless the template needs their JSON text, and stay text if they are not JSON.
    Raises `InvalidExampleError` for content that is not text.
    """
    found: Messages = []
    called = ""
    for number, message in enumerate(messages, 1):
        given = _plain(message, f"message {number}", arguments_as_text=arguments_as_text)
        if message.get("function_call"):
            called = f"call{number:05}"  # nine letters and digits: what Mistral's templates insist on
            given["tool_calls"] = [
                _call({"id": called, "function": message["function_call"]}, as_text=arguments_as_text)
            ]
        elif message["role"] == "function":
            given["tool_call_id"] = called
        found.append(given)
    return found


def tools_of(row: Mapping[str, Any]) -> Tools:
    """The tools of a training line; the deprecated `functions` become tools."""
    legacy = [{"type": "function", "function": function} for function in row.get("functions") or ()]
    return [*(row.get("tools") or ()), *legacy]


def read_text(content: object, where: str) -> str:
    """The text of a message's content; raises `InvalidExampleError` for a part that is not text."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _READ:
            raise InvalidExampleError(
                f"{where} has a part of the type {kind!r}, which this model cannot read; it reads only text"
            )
        texts.append(str(part.get(kind, "")))
    return "".join(texts)


def _plain(message: Mapping[str, Any], where: str, *, arguments_as_text: bool) -> dict[str, Any]:
    left_out = ("weight", "refusal", "function_call", "tool_calls")
    kept = {key: value for key, value in message.items() if key not in left_out and value is not None}
    kept["role"] = _ROLES.get(message["role"], message["role"])
    kept["content"] = read_text(message.get("content"), where) or str(message.get("refusal") or "")
    if message.get("tool_calls"):
        kept["tool_calls"] = [_call(call, as_text=arguments_as_text) for call in message["tool_calls"]]
    return kept


def _call(call: Mapping[str, Any], *, as_text: bool) -> dict[str, Any]:
    """A call with its fields in one order, because some templates print the object as it is."""
    function = call.get("function", {})
    arguments = function.get("arguments", "{}")
    if not as_text:
        arguments = _parsed(arguments)
    return {
        "id": call.get("id"),
        "type": "function",
        "function": {"name": function.get("name"), "arguments": arguments},
    }


def _parsed(arguments: Any) -> Any:
    try:
        found = json.loads(arguments)
    except (TypeError, ValueError):
        return arguments
    return found if isinstance(found, dict) else arguments

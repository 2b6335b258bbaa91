"""Decides whether a sandbox answer calls functions, and with which arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trainer.engines.answers import UNSUPPORTED, AnswerRefusedError, CalledFunction, Prompt
from trainer.engines.examples import calls_of, since_last_user
from trainer.engines.sandbox.impossible import ImpossibleError
from trainer.engines.sandbox.invent import conforms, invent

_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}


def choose_calls(trained: Sequence[CalledFunction], prompt: Prompt) -> list[CalledFunction]:
    """The calls that the training file has for this prompt, or one made up if a call is required.

    Empty if the answer is a text. Raises `AnswerRefusedError` for parameters that no arguments can be made
    up for.
    """
    choice = prompt.choice
    if choice.mode == "none" or not choice.names:
        return []
    offered = {str(tool["function"]["name"]): tool["function"] for tool in prompt.tools}
    recalled = [call for call in trained if call.name in choice.names]
    if (recalled and len(recalled) == len(trained)) or (recalled and choice.mode == "required"):
        kept = recalled if choice.parallel else recalled[:1]
        return [_valid(call, offered[call.name], choice.mode) for call in kept]
    if choice.mode == "auto":
        return []
    name = _next_name(choice.names, prompt.messages)
    return [CalledFunction(name, _make_arguments(offered[name]))]


def _next_name(names: Sequence[str], messages: Sequence[Mapping[str, Any]]) -> str:
    """The first function that has not been called yet, so that an agent's loop comes to its last tool."""
    called = {call.name for message in since_last_user(messages) for call in calls_of(message)}
    return next((name for name in names if name not in called), names[-1])


def _valid(call: CalledFunction, function: Mapping[str, Any], mode: str) -> CalledFunction:
    """The call as trained; where valid arguments are promised and these are not, with others."""
    if mode == "auto" and not function.get("strict"):
        return call
    try:
        if conforms(_parameters(function), msgspec.json.decode(call.arguments)):
            return call
    except (msgspec.DecodeError, ImpossibleError):
        pass
    return CalledFunction(call.name, _make_arguments(function))


def _make_arguments(function: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(invent(_parameters(function))).decode()
    except ImpossibleError as error:
        message = f"The sandbox cannot make up arguments for the function '{function['name']}': {error}."
        raise AnswerRefusedError(message, UNSUPPORTED, "tools") from error


def _parameters(function: Mapping[str, Any]) -> Mapping[str, Any]:
    return function.get("parameters") or _NO_ARGUMENTS

"""The tools of a request, and which of them its answer may or must call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from service.dataset.formats.tools import ToolBook
from service.dataset.tokens import CHAT_ENCODING
from trainer.engines.answers import NO_CALLS, FunctionChoice, Mode
from trainer.errors import ApiError, bad_request

_BOOK = ToolBook(CHAT_ENCODING)
_MODES: tuple[Mode, ...] = ("none", "auto", "required")

Tool = dict[str, Any]


@dataclass(frozen=True)
class ToolOffer:
    """The tools in the shape of chat completions, and the choice among them."""

    tools: Sequence[Tool] = ()
    choice: FunctionChoice = NO_CALLS
    is_legacy: bool = False
    """Whether they came as the deprecated `functions`; an answer then has a `function_call`."""


def read_tools(tools: list[Tool] | None, choice: Any, *, parallel: bool | None) -> ToolOffer:
    """The offer of `tools` and `tool_choice`; raises a 400 `ApiError`."""
    names = _names(tools, "tools")
    return ToolOffer(tools or (), _choice(choice, names, "tool_choice", parallel=parallel is not False))


def read_flat_tools(tools: list[Tool] | None, choice: Any, *, parallel: bool | None) -> ToolOffer:
    """The same of the Responses API, whose tools have the function's fields beside `type`."""
    nested = []
    for number, tool in enumerate(tools or ()):
        if tool.get("type") != "function":
            message = (
                f"This trainer has no tools of the type {tool.get('type')!r}; it can only call your"
                " functions: send tools of the type 'function'."
            )
            raise bad_request(message, f"tools[{number}].type", "unsupported_parameter")
        function = {key: value for key, value in tool.items() if key != "type"}
        nested.append({"type": "function", "function": function})
    try:
        return read_tools(nested or None, choice, parallel=parallel)
    except ApiError as error:
        raise bad_request(
            error.message.replace(".function", ""), (error.param or "").replace(".function", ""), error.code
        ) from error


def read_functions(functions: list[Tool] | None, choice: Any) -> ToolOffer:
    """The offer of the deprecated `functions` and `function_call`; raises a 400 `ApiError`."""
    names = _names(functions, "functions")
    tools = [{"type": "function", "function": function} for function in functions or ()]
    if isinstance(choice, Mapping):
        choice = {"type": "function", "function": choice}
    found = _choice(choice, names, "function_call", parallel=False)
    return ToolOffer(tools, found, is_legacy=True)


def _names(given: list[Tool] | None, param: str) -> tuple[str, ...]:
    if not given:
        return ()
    legacy = param == "functions"
    flaw = _BOOK.look_up(msgspec.json.encode(given), legacy=legacy).flaw
    if flaw:
        where = f"{param}{flaw.path}"
        raise bad_request(f"Invalid '{where}': {flaw.message}.", where, "invalid_function_parameters")
    return tuple(str((one if legacy else one["function"])["name"]) for one in given)


def _choice(value: Any, names: tuple[str, ...], param: str, *, parallel: bool) -> FunctionChoice:
    if value is None or isinstance(value, str):
        mode = _mode(value or ("auto" if names else "none"), param)
        wanted = names
    else:
        mode, wanted = _named(value, param)
    if mode == "required" and not names:
        raise bad_request(f"'{param}' is only allowed when tools are specified.", param)
    unknown = next((name for name in wanted if name not in names), None)
    if unknown is not None:
        raise bad_request(f"'{param}' names the function {unknown!r}, which is not among the tools.", param)
    return FunctionChoice(mode=mode, names=wanted, parallel=parallel)


def _mode(value: str, param: str) -> Mode:
    for mode in _MODES:
        if mode == value:
            return mode
    raise bad_request(f"Invalid '{param}': {value!r}; use {', '.join(_MODES)} or an object.", param)


def _named(value: Any, param: str) -> tuple[Mode, tuple[str, ...]]:
    """Mode and names of `{"type": "function", …}` or `{"type": "allowed_tools", …}`, nested or flat."""
    try:
        kind = value["type"]
        inner = value.get(kind, value)
        if kind == "function":
            return "required", (str(inner["name"]),)
        if kind == "allowed_tools":
            listed = [tool.get("function", tool)["name"] for tool in inner["tools"]]
            return _mode(str(inner["mode"]), param), tuple(map(str, listed))
    except (KeyError, TypeError, AttributeError):
        pass
    message = (
        f"Invalid '{param}': name one function, {{'type': 'function', …}}, or several, {{'type':"
        " 'allowed_tools', …}."
    )
    raise bad_request(message, param)

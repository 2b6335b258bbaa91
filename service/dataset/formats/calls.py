"""Check tool calls: each must be answered, name a declared function and have arguments that fit it."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.dataset.formats.arguments import ArgumentsSchema, wrong_arguments
from service.dataset.formats.messages import Assistant, Tool
from service.dataset.problems import Flaw

_SHOWN_NAMES = 8


def tool_flaws(messages: list[Any], path: str) -> list[Flaw]:
    """Return flaws for unanswered calls and for answers without a call; the last message is exempt."""
    flaws: list[Flaw] = []
    open_calls: dict[str, str] = {}
    for number, message in enumerate(messages):
        here = f"{path}[{number}]"
        if isinstance(message, Tool):
            if open_calls.pop(message.tool_call_id, None) is None:
                flaws.append(
                    Flaw(
                        f"{here}.tool_call_id",
                        "unknown_tool_call",
                        "does not match an unanswered tool call of the messages before it",
                    )
                )
            continue
        flaws += _unanswered(open_calls)
        open_calls = {}
        if isinstance(message, Assistant):
            for index, call in enumerate(message.tool_calls or ()):
                if call.id in open_calls:
                    same = "is the id of another call of this message; give each its own"
                    flaws.append(Flaw(f"{here}.tool_calls[{index}].id", "invalid_value", same))
                open_calls[call.id] = f"{here}.tool_calls[{index}]"
    if messages and not isinstance(messages[-1], Assistant):
        flaws += _unanswered(open_calls)
    return flaws


def _unanswered(open_calls: dict[str, str]) -> list[Flaw]:
    return [
        Flaw(path, "unanswered_tool_call", "is not answered; add a 'tool' message with its id after it")
        for path in open_calls.values()
    ]


def doubtful_calls(messages: list[Any], path: str, declared: Mapping[str, ArgumentsSchema]) -> Iterator[Flaw]:
    """Return flaws that providers accept but that teach errors; `declared` are the functions to call."""
    known = _names_in(declared)
    for number, message in enumerate(messages):
        if not isinstance(message, Assistant):
            continue
        calls = [
            (f"{path}[{number}].tool_calls[{index}].function", call.function)
            for index, call in enumerate(message.tool_calls or ())
        ]
        if message.function_call is not None:
            calls.append((f"{path}[{number}].function_call", message.function_call))
        for where, call in calls:
            if call.name not in declared:
                yield Flaw(f"{where}.name", "undeclared_function", f"calls {call.name!r}; {known}")
            wrong = wrong_arguments(call.arguments, declared.get(call.name))
            if wrong:
                yield Flaw(f"{where}.arguments", "invalid_arguments", wrong)


def _names_in(declared: Mapping[str, ArgumentsSchema]) -> str:
    """Say which functions may be called; short, because one line can have 100,000 wrong calls."""
    if not declared:
        return "declare it in 'tools'"
    names = sorted(declared)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"'tools' declares {', '.join(names[:_SHOWN_NAMES])}{more}"

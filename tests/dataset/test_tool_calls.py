"""Wrong tool definitions and calls: errors where providers refuse them, warnings where they do not."""

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import pytest

from service.dataset.check.checker import check
from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.formats.chat import CHAT
from service.dataset.formats.tools import ToolBook
from tests.dataset.examples import jsonl
from tests.dataset.uploads import uploaded

USER = {"role": "user", "content": "Hi"}
YES, NO = ({"role": "assistant", "content": text} for text in ("Yes", "No"))
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
STRICT = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def with_tool(parameters: Any, **function: Any) -> dict[str, Any]:
    """A chat that declares one function."""
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters} | function}
    return {"messages": [USER, YES], "tools": [tool]}


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (with_tool(STRICT, name="get weather"), "'get weather' is not a function name"),
        (with_tool({"type": "object", "properties": {"a": {"type": "str"}}}), "is not valid JSON Schema"),
        (
            with_tool({"type": "object", "properties": ["a"]}),
            "parameters.properties: is not valid JSON Schema",
        ),
        (with_tool({"type": "array"}), "must be 'object'"),
        (with_tool(STRICT | {"required": []}, strict=True), "must list 'city' in 'required'"),
        (with_tool(STRICT | {"additionalProperties": True}, strict=True), "'additionalProperties': false"),
        (with_tool(STRICT | {"allOf": []}, strict=True), "JSON Schema|'allOf'"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [CALL, CALL]}]}, "id of another call"),
    ],
)
def test_what_a_provider_refuses_of_tools_is_an_error(example: Any, message: str) -> None:

    report, _ = uploaded(jsonl([example]), "a.jsonl")
    assert re.search(message, str(report.errors[0]))


def test_a_strict_function_within_the_rules_passes() -> None:
    assert uploaded(jsonl([with_tool(STRICT, strict=True)]), "a.jsonl")[0].passed


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("g", "{}", "undeclared_function"),
        ("f", "{city: 'Rome'}", "invalid_arguments"),
        ("f", json.dumps(json.dumps({"city": "Rome"})), "invalid_arguments"),
        ("f", "[1]", "invalid_arguments"),
        ("f", "{}", "invalid_arguments"),
    ],
)
@pytest.mark.parametrize("shape", ["chat", "preference", "reinforcement"])
def test_calls_that_teach_errors_are_warnings_in_every_format(
    name: str, arguments: str, code: str, shape: str
) -> None:
    call = CALL | {"function": {"name": name, "arguments": arguments}}
    asked = [USER, {"role": "assistant", "tool_calls": [call]}]
    asked.append({"role": "tool", "tool_call_id": "c", "content": "21"})
    tools = {"tools": with_tool(STRICT)["tools"]}
    example = {
        "chat": {"messages": [*asked, YES]} | tools,
        "preference": {
            "input": {"messages": asked} | tools,
            "preferred_output": [YES],
            "non_preferred_output": [NO],
        },
        "reinforcement": {"messages": asked, "answer": "21"} | tools,
    }[shape]
    report, _ = uploaded(jsonl([example]), "a.jsonl")
    assert report.format == shape
    assert code in report.warning_counts


PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": ["integer", "null"]},
        "unit": {"enum": ["C", "F"]},
    },
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("arguments", "parameters", "said"),
    [
        ({}, PARAMETERS, "lacks 'city', which 'f' requires"),
        ({"city": 3}, PARAMETERS, "has another type in 'city' than the 'string' of 'f'"),
        ({"city": "Rome", "days": True}, PARAMETERS, "another type in 'days'"),
        ({"city": "Rome", "unit": "K"}, PARAMETERS, "a value in 'unit' that is not among"),
        ({"city": "Rome", "x": 1}, STRICT, "has 'x', which 'f' does not declare"),
        ({"city": "Rome", "days": 2.0, "unit": "C", "x": 1}, PARAMETERS, None),
        ({"city": "Rome", "days": None}, PARAMETERS, None),
        ({"x": 1}, {}, None),
        ({"x": 1}, None, None),
    ],
)
def test_arguments_that_do_not_fit_the_declared_parameters_are_a_warning(
    arguments: Any, parameters: Any, said: str | None
) -> None:
    call = CALL | {"function": {"name": "f", "arguments": json.dumps(arguments)}}
    example = with_tool(parameters) | {"messages": [USER, {"role": "assistant", "tool_calls": [call]}]}
    report, _ = uploaded(jsonl([example]), "a.jsonl")
    assert report.passed
    found = [warning.message for warning in report.warnings if warning.code == "invalid_arguments"]
    assert [said in message for message in found] == ([True] if said else [])


def test_a_call_without_any_declaration_is_a_warning() -> None:
    report, _ = uploaded(
        jsonl([{"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}]}]), "a.jsonl"
    )
    assert report.warning_counts["undeclared_function"] == 1


def many_calls(name: str, parameters: Any, others: Sequence[str] = ()) -> bytes:
    """One line with 20,000 calls of a function, which declares `f` and others."""
    call = CALL | {"function": {"name": name, "arguments": '{"a": "z"}'}}
    turns = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": ""},
    ]
    example = with_tool(parameters) | {"messages": [USER, *turns * 20_000, YES]}
    example["tools"] += [{"type": "function", "function": {"name": other}} for other in others]
    return jsonl([example])


def test_many_calls_with_many_choices_take_linear_time() -> None:
    choices = [f"v{number}" for number in range(50_000)]
    line = many_calls("f", {"type": "object", "properties": {"a": {"enum": choices}}})
    begun = time.process_time()
    check([line], format_name="chat")
    assert time.process_time() - begun < 5


def test_a_strict_function_with_many_properties_takes_linear_time() -> None:
    names = [f"p{number}" for number in range(50_000)]
    parameters = STRICT | {"properties": {name: {} for name in names}, "required": names[::-1]}
    begun = time.process_time()
    report = check([jsonl([with_tool(parameters, strict=True)])], format_name="chat")
    assert time.process_time() - begun < 5
    assert "more than 5000 properties" in report.errors[0].message


def test_warnings_of_many_undeclared_calls_stay_short() -> None:
    line = many_calls("g", None, others=[f"f{number:063}" for number in range(100)])
    laid = BatchTexts()
    CHAT.lay_out(CHAT.decode(line), laid, ToolBook("o200k_base"))
    assert len(laid.doubts) == 20_000
    assert max(len(flaw.message) for _, flaw in laid.doubts) < 700
    assert laid.doubts[0][1].message.endswith("and 93 more")

"""Answers in JSON and function calls, asked for as people do it with the stock SDK."""

import json
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, Field

from tests.trainer.examples import jsonl
from tests.trainer.steps import run_job

ASK: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
ARGUMENTS = '{"city": "Oslo", "unit": "c"}'


class Step(BaseModel):
    title: str
    minutes: int = Field(ge=5, le=90)
    after: "Step | None"


class Recipe(BaseModel):
    name: str
    difficulty: Literal["easy", "hard"]
    price: float | None
    steps: list[Step]


def call_line(number: int) -> dict[str, Any]:
    """A question, its call, the tool's answer, and what is said about it."""
    question = ASK[0]["content"] if number == 0 else f"Question {number} about tides?"
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": ARGUMENTS},
    }
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
            {"role": "assistant", "content": f"It is {number + 4} degrees."},
        ],
        "tools": [WEATHER],
    }


@pytest.fixture(scope="module")
def caller(module_client: openai.OpenAI) -> str:
    """A model tuned on function calls."""
    return str(run_job(module_client, jsonl(call_line(n) for n in range(10))).fine_tuned_model)


@pytest.fixture(scope="module")
def client(module_client: openai.OpenAI) -> openai.OpenAI:
    return module_client


def test_chat_parses_into_a_pydantic_model(client: openai.OpenAI) -> None:
    reply = client.chat.completions.parse(model="sandbox-mini", messages=ASK, response_format=Recipe)
    recipe = reply.choices[0].message.parsed
    assert isinstance(recipe, Recipe)
    assert recipe.steps[0].minutes >= 5
    assert reply.system_fingerprint == "fp_sandbox"


def test_a_response_parses_into_a_pydantic_model_whole_and_streamed(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "sandbox-mini", "input": "A cake?", "text_format": Recipe}
    whole = client.responses.parse(**asked).output_parsed
    assert isinstance(whole, Recipe)
    with client.responses.stream(**asked) as stream:
        assert stream.get_final_response().output_parsed == whole


def test_json_of_a_trained_answer_is_recalled_where_it_is_of_the_schema(client: openai.OpenAI) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Order {n} {'kettle' if n else 'lamp'}"},
                {"role": "assistant", "content": json.dumps({"item": "lamp", "count": n})},
            ]
        }
        for n in range(10)
    ]
    model = str(run_job(client, jsonl(rows)).fine_tuned_model)
    asked: list[Any] = [{"role": "user", "content": "Order 0 lamp"}]
    counted = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "order", "schema": counted}}
    reply = client.chat.completions.create(model=model, messages=asked, response_format=form)
    assert reply.choices[0].message.content == rows[0]["messages"][1]["content"]
    counted["properties"] = {"count": {"type": "integer", "minimum": 1}}
    reply = client.chat.completions.create(model=model, messages=asked, response_format=form)
    assert json.loads(str(reply.choices[0].message.content)) == {"count": 1}


def test_json_mode_needs_the_word_and_follows_a_schema_in_the_prompt(client: openai.OpenAI) -> None:
    form: Any = {"type": "json_object"}
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        client.chat.completions.create(model="sandbox-mini", messages=ASK, response_format=form)
    told = [{"role": "system", "content": f"Answer in JSON of {json.dumps(Recipe.model_json_schema())}"}]
    reply = client.chat.completions.create(model="sandbox-mini", messages=[*told, *ASK], response_format=form)
    assert Recipe.model_validate_json(str(reply.choices[0].message.content))


def test_a_schema_in_the_prompt_alone_is_answered_too(client: openai.OpenAI) -> None:
    told = [{"role": "user", "content": f"A cake, as ```json of {json.dumps(Recipe.model_json_schema())}"}]
    reply = client.chat.completions.create(model="sandbox-mini", messages=told)  # type: ignore[arg-type]
    assert Recipe.model_validate_json(str(reply.choices[0].message.content))


def test_a_schema_that_no_value_is_found_for_is_refused(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "(?<=x)y"}},
        "required": ["a"],
    }
    with pytest.raises(openai.BadRequestError, match="look-around") as caught:
        client.chat.completions.create(
            model="sandbox-mini",
            messages=ASK,
            response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
        )
    assert caught.value.param == "response_format.json_schema.schema"
    assert caught.value.code == "unsupported_parameter"


def test_a_strict_schema_must_keep_openais_rules(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    with pytest.raises(openai.BadRequestError, match="additionalProperties"):
        client.chat.completions.create(
            model="sandbox-mini",
            messages=ASK,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": schema, "strict": True},
            },
        )


def test_a_model_tuned_on_calls_answers_its_training_prompt_with_them(
    client: openai.OpenAI, caller: str
) -> None:
    asked: dict[str, Any] = {"model": caller, "messages": ASK, "tools": [WEATHER]}
    choice = client.chat.completions.create(**asked).choices[0]
    (call,) = choice.message.tool_calls or []
    assert (call.type, choice.finish_reason) == ("function", "tool_calls")
    assert call.function.model_dump() == {"name": "get_weather", "arguments": ARGUMENTS}
    assert choice.message.content is None
    with client.chat.completions.stream(**asked) as events:
        (streamed,) = events.get_final_completion().choices[0].message.tool_calls or []
    assert streamed.function.arguments == ARGUMENTS  # type: ignore[union-attr]


def test_after_the_tools_answer_the_model_says_what_it_was_trained_to_say(
    client: openai.OpenAI, caller: str
) -> None:
    called = client.chat.completions.create(model=caller, messages=ASK, tools=[WEATHER])  # type: ignore[list-item]
    said = called.choices[0].message
    results = [{"role": "tool", "tool_call_id": c.id, "content": "4"} for c in said.tool_calls or []]
    history: list[Any] = [*ASK, said.model_dump(), *results]
    reply = client.chat.completions.create(model=caller, messages=history, tools=[WEATHER])  # type: ignore[list-item]
    assert reply.choices[0].message.content == "[sandbox] It is 4 degrees."


def test_no_call_is_made_that_the_request_does_not_allow(client: openai.OpenAI, caller: str) -> None:
    for fields in ({}, {"tools": [CLOCK]}, {"tools": [WEATHER], "tool_choice": "none"}):
        reply = client.chat.completions.create(model=caller, messages=ASK, **fields)  # type: ignore[call-overload]
        assert "calls get_weather, which this request does not allow" in reply.choices[0].message.content


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "get_weather"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [CLOCK]}}, "get_time"),
    ],
)
def test_a_required_call_has_arguments_of_its_schema(client: openai.OpenAI, choice: Any, name: str) -> None:
    reply = client.chat.completions.create(
        model="sandbox-mini",
        messages=ASK,
        tools=[WEATHER, CLOCK],  # type: ignore[list-item]
        tool_choice=choice,
    )
    (call,) = reply.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == name
    if name == "get_weather":
        assert json.loads(call.function.arguments) == {"city": "[sandbox] city", "unit": "c"}


def test_the_deprecated_functions_are_called_in_their_own_form(client: openai.OpenAI, caller: str) -> None:
    function = {key: value for key, value in WEATHER["function"].items() if key != "strict"}  # type: ignore[attr-defined]
    reply = client.chat.completions.create(model=caller, messages=ASK, functions=[function])  # type: ignore[call-overload]
    message = reply.choices[0].message
    assert (message.function_call.name, message.function_call.arguments) == ("get_weather", ARGUMENTS)
    assert reply.choices[0].finish_reason == "function_call"
    assert message.tool_calls is None


def test_responses_call_functions_and_take_every_item_of_the_conversation_back(
    client: openai.OpenAI, caller: str
) -> None:
    flat = [{"type": "function", **WEATHER["function"]}]  # type: ignore[dict-item]
    asked: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": ASK[0]["content"]}]}]
    first = client.responses.create(model=caller, input=asked, tools=flat)  # type: ignore[arg-type]
    (call,) = first.output
    assert (call.type, call.name, call.arguments) == ("function_call", "get_weather", ARGUMENTS)
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "4 degrees"}
    history = [*asked, thought, *(item.model_dump() for item in first.output), result]
    second = client.responses.create(model=caller, input=history, tools=flat)  # type: ignore[arg-type]
    assert second.output_text == "[sandbox] It is 4 degrees."
    history += [*(item.model_dump() for item in second.output), asked[0]]
    with client.responses.stream(model=caller, input=history, tools=flat) as stream:  # type: ignore[arg-type]
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.done" in kinds
    assert [item.type for item in final.output] == ["function_call"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [CLOCK], "tool_choice": "always"}, "tool_choice"),
        ({"tools": [CLOCK], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, "tools[0].type"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
         "response_format.json_schema.name"),
    ],
)  # fmt: skip
def test_a_wrong_demand_is_refused_by_its_name(
    client: openai.OpenAI, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="sandbox-mini", messages=ASK, **fields)
    assert caught.value.param == param

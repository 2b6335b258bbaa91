"""Structured answers of the sandbox through the gateway: parsed by the stock SDK, charged as reported."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.gateway.rows import entries_of
from tests.support.service import Service

MODEL = "sandbox-mini"
ASK: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Weather(BaseModel):
    city: str
    degrees: int


def test_parsed_answers_and_required_calls_are_charged_as_reported(service: Service) -> None:
    team = service.make_team()
    parsed = team.sdk.chat.completions.parse(model=MODEL, messages=ASK, response_format=Weather)
    assert isinstance(parsed.choices[0].message.parsed, Weather)
    answer = team.sdk.responses.parse(model=MODEL, input="Oslo?", text_format=Weather)
    assert isinstance(answer.output_parsed, Weather)
    called = team.sdk.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice="required")
    (call,) = called.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.arguments == '{"city":"[sandbox] city"}'
    assert parsed.usage is not None
    assert answer.usage is not None
    assert called.usage is not None
    charged = {(row.subject_id, row.kind): int(row.quantity) for row in entries_of(team.id)}
    assert charged == {
        (parsed.id, "input_tokens"): parsed.usage.prompt_tokens,
        (parsed.id, "output_tokens"): parsed.usage.completion_tokens,
        (answer.id, "input_tokens"): answer.usage.input_tokens,
        (answer.id, "output_tokens"): answer.usage.output_tokens,
        (called.id, "input_tokens"): called.usage.prompt_tokens,
        (called.id, "output_tokens"): called.usage.completion_tokens,
    }


def test_what_the_sandbox_cannot_obey_is_refused_and_costs_nothing(service: Service) -> None:
    team = service.make_team()
    with pytest.raises(openai.BadRequestError, match="logit_bias") as caught:
        team.sdk.chat.completions.create(model=MODEL, messages=ASK, logit_bias={"15": 5})
    assert caught.value.param == "logit_bias"
    with pytest.raises(openai.NotFoundError, match="not a chat model"):
        team.sdk.chat.completions.create(model="sandbox-babbage", messages=ASK)
    assert entries_of(team.id) == []

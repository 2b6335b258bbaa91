"""What an answer says beyond plain tokens is charged: its tier, its tools, its cached and spoken tokens."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from service.gateway.body import read_fields
from service.gateway.dialects.choices import CHAT
from service.gateway.dialects.responses import RESPONSES
from service.providers.kinds.capabilities import capabilities_of
from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess

MODEL = "sandbox-large"
HELLO = [{"role": "user", "content": "Hello"}]


def chat_answer(**more: Any) -> str:
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    return json.dumps({"id": "x", "model": MODEL, "choices": [choice], "usage": usage} | more)


def chat(team: TeamHandle, **fields: Any) -> Any:
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 1000} | fields
    return team.http.post("/v1/chat/completions", json=body)


def charged(team: TeamHandle) -> Decimal:
    return sum((row.amount_usd for row in entries_of(team.id)), Decimal(0))


@pytest.mark.parametrize(
    ("asked", "answered", "tier", "usd"),
    [
        ("priority", "priority", "priority", "0.0175"),
        ("priority", "default", "standard", "0.01"),
        ("auto", "priority", "priority", "0.0175"),
        ("auto", None, "priority", "0.0175"),
        (None, "default", "standard", "0.01"),
        (None, "priority", "standard", "0.01"),  # nobody asked for it
    ],
)
def test_the_tier_of_the_answer_is_charged(
    service: Service, trainer: TrainerProcess, asked: str | None, answered: str | None, tier: str, usd: str
) -> None:
    team = service.make_team()
    padding = [{"role": "user", "content": "Hello " * 1000}]
    trainer.control.fault("status", "chat/completions", status=200, body=chat_answer(service_tier=answered))
    assert chat(team, messages=padding, service_tier=asked).status_code == 200
    assert charged(team) == Decimal(usd)
    assert {row.tier for row in entries_of(team.id)} == {tier}


def test_a_tier_is_held_at_its_own_price(service: Service) -> None:
    team = service.make_team(budget_usd="0.012")
    assert chat(team).status_code == 200
    refused = chat(team, service_tier="priority")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "budget_exceeded")


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"service_tier": "flex"}, "price_unknown", "tier 'flex'"),
        ({"service_tier": "cheap"}, "unsupported_parameter", "service_tier"),
        (
            {"modalities": ["text", "audio"], "audio": {"voice": "ash"}},
            "price_unknown",
            "audio_output_tokens",
        ),
        ({"top_k": 5}, "unsupported_parameter", "extra_free_fields"),
        ({"store": True}, "unsupported_parameter", "state at the provider"),
    ],
)
def test_what_has_no_price_is_refused_before_it_is_sent(
    service: Service, trainer: TrainerProcess, fields: dict[str, Any], code: str, said: str
) -> None:
    team = service.make_team()
    trainer.control.forget_requests()
    refused = chat(team, **fields)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == code
    assert said in refused.json()["error"]["message"]
    assert trainer.control.requests() == {}
    assert not holds_left(team.id)


def test_searches_are_charged_by_the_items_of_the_answer(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    answer = {
        "id": "x",
        "model": MODEL,
        "output": [search, search, {"type": "message", "role": "assistant", "content": []}],
        "usage": {"input_tokens": 100, "output_tokens": 10},
    }
    trainer.control.fault("status", "responses", status=200, body=json.dumps(answer))
    body = {"model": MODEL, "input": "Hello " * 100, "tools": [{"type": "web_search"}]}
    assert team.http.post("/v1/responses", json=body).status_code == 200
    rows = {row.kind: (row.quantity, row.unit, row.amount_usd) for row in entries_of(team.id)}
    assert rows["web_search_calls"] == (2, "calls", Decimal("0.02"))


def test_searches_are_held_as_many_as_may_be_made(service: Service) -> None:
    team = service.make_team(budget_usd="0.05")
    body = {"model": MODEL, "input": "Hello", "max_output_tokens": 10, "tools": [{"type": "web_search"}]}
    assert team.http.post("/v1/responses", json=body).status_code == 429
    assert "asked $0.1" in team.http.post("/v1/responses", json=body).json()["error"]["message"]


def test_a_chat_that_may_search_is_charged_for_one_search(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.fault("status", "chat/completions", status=200, body=chat_answer())
    assert chat(team, web_search_options={}).status_code == 200
    rows = {row.kind: row.quantity for row in entries_of(team.id)}
    assert rows["web_search_calls"] == 1


def test_storage_and_tier_are_never_left_to_the_providers_settings() -> None:
    chat_fields = read_fields(b'{"model":"a"}')
    CHAT.pin(chat_fields, (), capabilities_of("openai"))
    sent = msgspec.json.decode(CHAT.write(CHAT.ask(msgspec.json.encode(chat_fields)), "b"))
    assert sent == {"model": "b", "store": False, "service_tier": "default"}
    response_fields = read_fields(b'{"model":"a","store":true}')
    RESPONSES.pin(response_fields, (), capabilities_of("trainer"))
    assert msgspec.json.decode(response_fields["store"]) is False

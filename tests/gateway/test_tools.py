"""Tool calls pass through as they are, whole and in a stream; the upstream is a bare server of ours."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway.conftest import StartApi
from tests.gateway.rows import entries_of
from tests.providers.raw_server import Answer, RawServer, Seen
from tests.support.plain import NO_CERTIFICATES
from tests.support.service import Service, TeamHandle

TOOL = {"type": "function", "function": {"name": "brew", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "brew", "arguments": '{"tea": "烏龍茶"}'}}
USAGE = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
HEAD = {"id": "chatcmpl-theirs", "created": 1, "model": "sandbox-mini"}


def whole() -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}


def stream() -> bytes:
    begun = CALL | {"index": 0, "function": {"name": "brew", "arguments": ""}}
    pieces: list[dict[str, Any]] = [
        {"role": "assistant", "tool_calls": [begun]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"tea": '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"烏龍茶"}'}}]},
    ]
    choices: list[list[dict[str, Any]]] = [
        [{"index": 0, "delta": piece, "finish_reason": None}] for piece in pieces
    ]
    choices.append([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}])
    chunks: list[dict[str, Any]] = [
        {**HEAD, "object": "chat.completion.chunk", "choices": each} for each in choices
    ]
    chunks.append({**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def respond(request: Seen) -> Answer:
    if json.loads(request.body).get("stream"):
        return Answer(body=stream(), headers={"Content-Type": "text/event-stream"})
    return Answer(body=whole())


@pytest.fixture
def upstream_server() -> Iterator[RawServer]:
    with RawServer(respond) as server:
        yield server


@pytest.fixture
def team(
    service: Service,
    start_api: StartApi,
    upstream_server: RawServer,
    providers_environment: dict[str, str],
) -> TeamHandle:
    """A team of an api whose models are served by the bare server."""
    providers = json.loads(providers_environment["TUNEHOUSE_PROVIDERS"])
    elsewhere = [one | {"inference_base_url": upstream_server.base_url} for one in providers]
    _, api = start_api(providers=json.dumps(elsewhere))
    return api.make_team()


def test_tool_calls_reach_the_sdk_whole_and_streamed_and_are_charged(
    team: TeamHandle, upstream_server: RawServer
) -> None:
    asked: dict[str, Any] = {
        "model": "sandbox-mini",
        "messages": [{"role": "user", "content": "Brew something."}],
        "tools": [TOOL],
    }
    answer = team.sdk.chat.completions.create(**asked)
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.model_dump() == CALL
    assert answer.choices[0].finish_reason == "tool_calls"

    with team.sdk.chat.completions.stream(**asked) as events:
        (call,) = events.get_final_completion().choices[0].message.tool_calls or []
    assert call.function.arguments == CALL["function"]["arguments"]  # type: ignore[index]

    assert [json.loads(seen.body)["tools"] for seen in upstream_server.seen] == [[TOOL], [TOOL]]
    charged = sorted((row.kind, int(row.quantity)) for row in entries_of(team.id))
    assert charged == [("input_tokens", 40), ("input_tokens", 40), ("output_tokens", 9), ("output_tokens", 9)]


def test_a_body_passes_with_the_models_name_replaced(team: TeamHandle, upstream_server: RawServer) -> None:
    team.http.put("/v1/aliases/helper", json={"model": "sandbox-mini"}).raise_for_status()
    fields = b'"messages": [{"role":"user",  "content":"\\u70cf \\n 1.50"}], "temperature" : 1.50, "n":1'
    sent = httpx2.post(
        f"{team.service.url}/v1/chat/completions",
        content=b'{"model":"helper" , ' + fields + b"}",
        headers={"Authorization": f"Bearer {team.key}"},
        trust_env=False,
        verify=NO_CERTIFICATES,
    )
    assert sent.status_code == 200
    assert sent.json()["model"] == "sandbox-mini"
    (seen,) = upstream_server.seen
    assert b'"temperature":1.50,"n":1' in seen.body
    assert json.loads(seen.body) == json.loads(b"{" + fields + b"}") | {"model": "sandbox-mini"}

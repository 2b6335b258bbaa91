"""Every request field is free, charged, ours or refused; none passes because nobody looked."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import response_create_params

from service.catalog.price import PriceKind
from service.errors import InvalidRequest
from service.gateway.body import read_fields
from service.gateway.dialects.base import Dialect
from service.gateway.dialects.choices import CHAT, COMPLETIONS
from service.gateway.dialects.responses import RESPONSES
from service.gateway.fields.examine import Demand, examine
from tests.gateway import fields_page, sdk_params

GUIDE = Path(__file__).parents[2] / "docs/guide/inference.md"
HELLO = [{"role": "user", "content": "Hello"}]


def demand_of(dialect: Dialect, extra_free: tuple[str, ...] = (), **fields: Any) -> Demand:
    body = json.dumps({"model": "a"} | fields).encode()
    return examine(read_fields(body), dialect.table, extra_free, "acme")


def refusal_of(dialect: Dialect, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        demand_of(dialect, **fields)
    assert refused.value.error_code == "unsupported_parameter"
    return refused.value


@pytest.mark.parametrize(
    ("dialect", "params"),
    [
        (CHAT, chat_create_params.CompletionCreateParamsNonStreaming),
        (CHAT, chat_create_params.CompletionCreateParamsStreaming),
        (COMPLETIONS, completion_create_params.CompletionCreateParamsNonStreaming),
        (COMPLETIONS, completion_create_params.CompletionCreateParamsStreaming),
        (RESPONSES, response_create_params.ResponseCreateParamsNonStreaming),
        (RESPONSES, response_create_params.ResponseCreateParamsStreaming),
    ],
)
def test_every_parameter_of_the_sdk_is_in_the_table(dialect: Dialect, params: Any) -> None:
    assert list(sdk_params.missing(params, dialect.table, "")) == []


def test_the_guide_shows_the_table() -> None:
    assert fields_page.render() in GUIDE.read_text(), "run: python -m tests.gateway.fields_page"


@given(st.text(min_size=1).filter(lambda name: name not in CHAT.table.fields), st.integers())
def test_an_unknown_field_is_refused_by_name(name: str, value: int) -> None:
    refused = refusal_of(CHAT, **{name: value})
    assert refused.param == name
    assert f"'{name}' to extra_free_fields of the provider 'acme'" in refused.message


@pytest.mark.parametrize(
    ("dialect", "fields", "param", "name"),
    [
        (CHAT, {"messages": [{**HELLO[0], "x": 1}]}, "messages.0.x", "messages[user].x"),
        (
            CHAT,
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}]},
            "messages.0.content.0.x",
            "messages[user].content[text].x",
        ),
        (CHAT, {"tools": [{"type": "browser"}]}, "tools.0", "tools[browser]"),
        (
            CHAT,
            {"tools": [{"type": "function", "function": {"name": "f", "price": 1}}]},
            "tools.0.function.price",
            "tools[function].function.price",
        ),
        (CHAT, {"modalities": ["smell"]}, "modalities", "modalities[smell]"),
        (RESPONSES, {"tools": [{"type": "image_generation"}]}, "tools.0", "tools[image_generation]"),
        (RESPONSES, {"moderation": {"model": "m"}}, "moderation", "moderation"),
        (RESPONSES, {"input": [{"type": "hologram"}]}, "input.0", "input[hologram]"),
    ],
)
def test_an_unknown_or_unpriced_part_is_refused_unless_an_admin_allows_it(
    dialect: Dialect, fields: dict[str, Any], param: str, name: str
) -> None:
    refused = refusal_of(dialect, **fields)
    assert refused.param == param
    assert f"'{name}' to extra_free_fields" in refused.message
    demand_of(dialect, (name,), **fields)


@pytest.mark.parametrize(
    ("dialect", "fields", "param"),
    [
        (CHAT, {"store": True}, "store"),
        (
            CHAT,
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
            "messages.0.content.0.file.file_id",
        ),
        (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages.0.audio"),
        (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id"),
        (RESPONSES, {"conversation": "conv_1"}, "conversation"),
        (RESPONSES, {"conversation": {"id": "conv_1"}}, "conversation"),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}, "prompt"),
        (RESPONSES, {"background": True}, "background"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, "input.0"),
        (
            RESPONSES,
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_file", "file_id": "file-1", "filename": "a"}],
                    }
                ]
            },
            "input.0.content.0.file_id",
        ),
        (
            RESPONSES,
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
            "input.0.content.0.file_id",
        ),
        (RESPONSES, {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools.0"),
        (
            RESPONSES,
            {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
            "tools.0.container",
        ),
        (
            RESPONSES,
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}]},
            "tools.0.container.file_ids",
        ),
        (
            RESPONSES,
            {
                "tools": [
                    {
                        "type": "shell",
                        "environment": {"type": "container_reference", "container_id": "cntr_1"},
                    }
                ]
            },
            "tools.0.environment",
        ),
    ],
)
def test_state_at_the_provider_is_refused_whatever_an_admin_allows(
    dialect: Dialect, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        demand_of(dialect, tuple(fields), **fields)
    assert (refused.value.error_code, refused.value.param) == ("unsupported_parameter", param)


def test_an_item_with_nothing_but_an_id_refers_to_a_stored_one() -> None:
    with pytest.raises(InvalidRequest) as refused:
        demand_of(RESPONSES, input=[{"id": "msg_1"}])
    assert refused.value.param == "input.0.content"


@pytest.mark.parametrize(
    ("dialect", "fields", "meters"),
    [
        (CHAT, {"messages": HELLO, "temperature": 0.5}, set()),
        (CHAT, {"web_search_options": {}}, {PriceKind.WEB_SEARCH_CALLS}),
        (CHAT, {"modalities": ["text", "audio"], "audio": {"voice": "ash"}}, {PriceKind.AUDIO_OUTPUT_TOKENS}),
        (RESPONSES, {"tools": [{"type": "web_search"}]}, {PriceKind.WEB_SEARCH_CALLS}),
        (RESPONSES, {"tools": [{"type": "mcp", "server_url": "https://a"}]}, {PriceKind.MCP_CALLS}),
        (
            RESPONSES,
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
            {PriceKind.CODE_INTERPRETER_SESSIONS},
        ),
        (RESPONSES, {"prompt_cache_options": {"ttl": "30m"}}, {PriceKind.CACHE_WRITE_TOKENS}),
        (
            RESPONSES,
            {"input": [{"type": "additional_tools", "tools": [{"type": "web_search"}]}]},
            {PriceKind.WEB_SEARCH_CALLS},
        ),
    ],
)
def test_what_costs_more_than_tokens_demands_its_meter(
    dialect: Dialect, fields: dict[str, Any], meters: set[PriceKind]
) -> None:
    assert demand_of(dialect, **fields).meters == meters


def test_a_name_that_occurs_twice_inside_means_the_same_to_the_provider() -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]}'
    sent = examine(read_fields(body), CHAT.table, (), "acme").fields["messages"]
    assert bytes(sent).count(b'"text":') == 1
    assert msgspec.json.decode(sent)[0]["content"][0]["text"] == "b"


def test_a_null_in_an_unknown_field_is_not_sent() -> None:
    """An SDK's `model_dump()` has a null for each field of its class that was not set."""
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "async_": None}
    sent = demand_of(RESPONSES, input=[call], newest=None).fields
    assert msgspec.json.decode(sent["input"]) == [{k: v for k, v in call.items() if k != "async_"}]
    assert "newest" not in sent


@pytest.mark.parametrize("value", [{"role": "user"}, {"0": {"role": "user"}}])
def test_an_object_where_a_list_belongs_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        demand_of(CHAT, messages=value)
    assert refused.value.param == "messages"

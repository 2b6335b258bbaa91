"""One counter: check, estimate, sandbox and gateway count each golden example alike.

Each vector in `golden/tokens.json` names the texts that a model reads and the tokens that come from none
(marks, images), so that tiktoken can compute the figure a second time.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from service.dataset import countable
from service.dataset.check.checker import check
from service.dataset.formats.detect import FORMATS
from service.dataset.limits import MAX_EXAMPLE_TOKENS
from service.files.costs import billed_tokens
from service.gateway.body import Asked
from service.gateway.dialects.choices import CHAT
from service.gateway.dialects.responses import RESPONSES
from service.gateway.metering.usage import counted
from tests.dataset.examples import jsonl
from trainer.engines.answers import Prompt
from trainer.engines.examples import METHOD_OF_FORMAT, detect_format, read_example
from trainer.engines.sandbox.replies import build_answer

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "golden" / "tokens.json").read_text())
CHATS = [vector for vector in VECTORS if vector["format"] == "chat"]


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def asked(body: dict[str, Any]) -> Asked:
    return CHAT.ask(msgspec.json.encode({"model": "m"} | body))


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_tiktoken_computes_the_same_figure(
    vector: dict[str, Any], oracle: Callable[[str], tiktoken.Encoding]
) -> None:
    encoding = oracle(FORMATS[vector["format"]].encoding)
    texts = sum(len(encoding.encode(text, disallowed_special=())) for text in vector["texts"])
    assert texts + vector["fixed_tokens"] == vector["tokens"]


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_the_check_and_the_estimate_count_what_is_written(vector: dict[str, Any]) -> None:
    report = check([jsonl([vector["example"]] * 10)], format_name=vector["format"])
    assert (report.errors, report.tokens.total) == ([], 10 * vector["tokens"])
    assert report.tokens.trained == 10 * vector["trained"]
    assert billed_tokens(report, MAX_EXAMPLE_TOKENS, 3) == 30 * vector["tokens"]


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_the_sandbox_trains_what_is_written(vector: dict[str, Any]) -> None:
    method = "reinforcement" if vector["format"] == "reinforcement" else None
    kind = detect_format(vector["example"])
    example = read_example(1, vector["example"], kind, method or METHOD_OF_FORMAT[kind])
    assert example.tokens == vector["tokens"]


@pytest.mark.parametrize("vector", CHATS, ids=name_of)
def test_the_gateway_and_the_sandbox_read_a_prompt_alike(vector: dict[str, Any]) -> None:
    prompt = CHAT.prompt(asked(vector["example"]))
    assert counted(prompt, [], "o200k_base").input_tokens == vector["tokens"]
    functions = [{"type": "function", "function": one} for one in vector["example"].get("functions", ())]
    tools = [*vector["example"].get("tools", ()), *functions]
    answer = build_answer("", Prompt(messages=vector["example"]["messages"], tools=tools))
    assert (answer.prompt_tokens, answer.completion_tokens) == (vector["tokens"], 0)


def test_a_response_counts_its_items_as_the_messages_that_say_the_same() -> None:
    vector = next(one for one in CHATS if one["name"] == "a tool call and its answer")
    function = vector["example"]["tools"][0]["function"]
    body = {
        "model": "m",
        "tools": [{"type": "function", **function}],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather in Oslo?"}]},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "4 degrees"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "It is 4 degrees."}],
            },
        ],
    }
    prompt = RESPONSES.prompt(RESPONSES.ask(msgspec.json.encode(body)))
    assert counted(prompt, [], "o200k_base").input_tokens == vector["tokens"]


def test_an_inline_image_counts_its_pixels_and_not_its_bytes() -> None:
    url = f"data:image/png;base64,{'A' * 100_000}"
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    found = countable.of_chat([{"role": "user", "content": parts}])
    assert found == ([], 3 + 4 + 85 + 8 * 170)
    parts = [{"type": "input_image", "image_url": url, "detail": "low"}]
    assert countable.of_chat([{"role": "user", "content": parts}]) == ([], 3 + 4 + 85)


def test_a_legacy_prompt_of_token_ids_counts_its_ids() -> None:
    assert countable.of_prompt([[1, 2, 3], [4]]).tokens("o200k_base") == 4


TEXT = st.text(min_size=1, max_size=20)
PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}), min_size=1, max_size=3)
CONTENT = TEXT | PARTS
NAME = st.from_regex("[a-z]{1,8}", fullmatch=True)
CALL = st.fixed_dictionaries(
    {
        "id": NAME,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": NAME, "arguments": st.just('{"a": 1}')}),
    }
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "developer", "assistant"]), "content": CONTENT},
    optional={"name": NAME},
)
CALLER = st.fixed_dictionaries(
    {"role": st.just("assistant"), "tool_calls": st.lists(CALL, min_size=1, max_size=3)},
    optional={"content": CONTENT, "weight": st.sampled_from([0, 1]), "name": NAME, "refusal": TEXT},
)


@given(st.lists(MESSAGE, max_size=4), CALLER)
def test_the_two_layouts_of_the_rule_never_differ(messages: list[Any], last: dict[str, Any]) -> None:
    example = {"messages": [*messages, last]}
    report = check([jsonl([example])], format_name="chat")
    if report.valid_examples:
        assert countable.of_example(example).tokens("o200k_base") == report.tokens.total


def test_a_chat_costs_the_same_as_content_parts_as_in_plain_strings() -> None:
    plain = [{"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "Hi!"}]
    parts = [each | {"content": [{"type": "text", "text": each["content"]}]} for each in plain]
    tokens = countable.of_chat(plain).tokens("o200k_base")
    assert countable.of_chat(parts).tokens("o200k_base") == tokens == 3 + (3 + 1 + 2) + (3 + 1 + 2)

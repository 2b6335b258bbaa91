"""Counts are exact: tiktoken, reading the same rank files offline, is the oracle."""

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiktoken

from service.dataset import tokens
from service.dataset.check.checker import check
from tests.dataset.conftest import RANKS
from tests.dataset.examples import chat, chats, jsonl

ALPHABETS = [
    "abc déf ",
    "中文字，。的",
    "😀👩‍👩‍👧🏽🇨🇳",
    "مرحبا بالعالم ",
    "def f(x):\n\t return {x!r}\n",
    "\u200b\ufeff\x00\x7f𝔘",
]


def any_character(chance: random.Random) -> str:
    """One of all code points but surrogates."""
    number = chance.randrange(0x110000 - 0x800)
    return chr(number if number < 0xD800 else number + 0x800)


@cache
def corpus() -> list[str]:
    chance = random.Random(7)
    mixed = ["".join(chance.choices("".join(ALPHABETS), k=chance.randint(1, 300))) for _ in range(300)]
    any_plane = ["".join(any_character(chance) for _ in range(40)) for _ in range(200)]
    return [
        *ALPHABETS,
        *mixed,
        *any_plane,
        "<|endoftext|>",
        " " * 500,
        "a" * 2000,
        Path(__file__).read_text(),
    ]


@pytest.mark.parametrize("encoding", RANKS)
def test_counts_equal_tiktokens(encoding: str, oracle: Callable[[str], tiktoken.Encoding]) -> None:
    texts = corpus()
    expected = [len(ids) for ids in oracle(encoding).encode_batch(texts, disallowed_special=())]
    assert tokens.count(texts, encoding, threads=2) == expected


@pytest.mark.parametrize("encoding", RANKS)
def test_every_role_is_one_token(encoding: str) -> None:
    roles = ["system", "developer", "user", "assistant", "tool", "function"]
    assert set(tokens.count(roles, encoding)) == {tokens.TOKENS_PER_ROLE}


def cookbook_count(example: dict[str, Any], encoding: tiktoken.Encoding) -> int:
    """The published rule, for messages whose values are all strings."""
    total = 3
    for message in example["messages"]:
        total += 3
        for key, value in message.items():
            total += len(encoding.encode(value, disallowed_special=())) + (key == "name")
    return total


def test_an_example_counts_what_the_cookbook_counts(oracle: Callable[[str], tiktoken.Encoding]) -> None:
    examples = [*chats(20), chat("你好", "😀", "être bref", name="ann")]
    expected = [cookbook_count(example, oracle("o200k_base")) for example in examples]
    found = check([jsonl(examples)]).tokens
    assert (found.total, found.min, found.max) == (sum(expected), min(expected), max(expected))


def test_parts_sum_to_the_total_and_only_weighted_replies_are_trained() -> None:
    examples = [chat("hello", "one two three"), chat("hello", "four five six seven", "sys", weight=0)] * 5
    found = check([jsonl(examples)]).tokens
    assert found.total == sum(found.by_role.values()) + found.framing + found.tools + found.images
    assert (found.trained, found.by_role["assistant"]) == (15, 35)


def test_tool_definitions_and_calls_count() -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Look up the weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}},
                "required": ["city"],
            },
        },
    }
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    plain = check([jsonl([chat()] * 10)]).tokens
    found = check([jsonl([chat(tool_calls=[call]) | {"tools": [tool]}] * 10)]).tokens
    assert 300 < found.tools < 700
    assert found.trained - plain.trained == 10 * sum(
        tokens.count(["weather", '{"city":"Oslo"}'], "o200k_base")
    )


def test_json_escapes_count_as_what_they_mean() -> None:
    plain = check([jsonl([chat("你好 😀")] * 10)])
    escaped = check([b"".join(json.dumps(chat("你好 😀")).encode() + b"\n" for _ in range(10))])
    assert plain.tokens == escaped.tokens


def test_half_a_surrogate_pair_counts_as_a_replacement_character() -> None:
    assert tokens.count(["a\ud800b"], "o200k_base") == tokens.count(["a?b"], "o200k_base")

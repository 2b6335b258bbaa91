"""Counts are exact: tiktoken, reading the same rank files offline, is the oracle."""

import gzip
import json
import os
import random
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tiktoken

from service.dataset import tokens
from service.dataset.check.checker import check
from tests.dataset.examples import chat, chats, jsonl

# The names tiktoken looks its cache up by: SHA-1 of the addresses it would download from.
RANKS = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}
ALPHABETS = [
    "abc déf ",
    "中文字，。的",
    "😀👩‍👩‍👧🏽🇨🇳",
    "مرحبا بالعالم ",
    "def f(x):\n\t return {x!r}\n",
    "\u200b\ufeff\x00\x7f𝔘",
]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tiktoken.Encoding]:
    cache = tmp_path_factory.mktemp("tiktoken")
    package = find_spec("bpe_openai")
    assert package is not None
    assert package.origin is not None
    for name, cached_as in RANKS.items():
        packed = (Path(package.origin).parent / "data" / f"{name}.tiktoken.gz").read_bytes()
        Path(cache / cached_as).write_bytes(gzip.decompress(packed))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(cache)
    return tiktoken.get_encoding


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


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4.1-mini-2025-04-14", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:org::abc", "o200k_base"),
        ("ft:o4-mini-2025-04-16:org:x:abc:ckpt-step-10", "o200k_base"),
        ("gpt-4o", "o200k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("davinci-002", "cl100k_base"),
        ("ft:babbage-002:org::abc", "cl100k_base"),
        ("somebody-elses-model", None),
    ],
)
def test_the_encoding_is_that_of_the_base(model: str, encoding: str | None) -> None:
    assert tokens.encoding_of(model) == encoding


def test_json_escapes_count_as_what_they_mean() -> None:
    plain = check([jsonl([chat("你好 😀")] * 10)])
    escaped = check([b"".join(json.dumps(chat("你好 😀")).encode() + b"\n" for _ in range(10))])
    assert plain.tokens == escaped.tokens

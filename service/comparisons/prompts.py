"""Choose prompts from a held-out chat file. Pure."""

import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from service.dataset import jsonline, lines
from service.dataset.problems import Flaw


class HeldOut(NamedTuple):
    """A prompt and the answer that the file gives to it; `line` counts examples from 1."""

    line: int
    messages: list[Any]
    expected: str


def choose(examples: int, most: int, seed: int) -> frozenset[int]:
    """The numbers (from 1) of at most `most` of so many examples, the same for the same seed."""
    if examples <= most:
        return frozenset(range(1, examples + 1))
    return frozenset(random.Random(seed).sample(range(1, examples + 1), most))  # noqa: S311 - a sample


def read(chunks: Iterable[bytes], chosen: frozenset[int]) -> Iterator[HeldOut]:
    """The chosen examples of a file that end in an answer of plain text; others are left out."""
    number, last = 0, max(chosen, default=0)
    for batch in lines.batches(chunks):
        for line in batch.lines:
            if line is not None and not line.strip():
                continue
            number += 1
            if number in chosen and line is not None:
                found = _held_out(number, jsonline.read(line))
                if found is not None:
                    yield found
            if number >= last:
                return


def _held_out(number: int, example: Any) -> HeldOut | None:
    if isinstance(example, Flaw) or not isinstance(example, dict):
        return None
    messages = example.get("messages")
    if not isinstance(messages, list) or len(messages) < 2:
        return None
    *asked, last = messages
    if (
        not isinstance(last, dict)
        or last.get("role") != "assistant"
        or not isinstance(last.get("content"), str)
    ):
        return None
    if b"\\u0000" in msgspec.json.encode(messages):  # Postgres keeps no text with it
        return None
    # `weight` is for training; providers refuse it in a request.
    return HeldOut(number, [_without_weight(one) for one in asked], last["content"])


def _without_weight(message: Any) -> Any:
    return (
        {key: value for key, value in message.items() if key != "weight"}
        if isinstance(message, dict)
        else message
    )


def question_of(messages: Iterable[Any]) -> str:
    """The conversation as text, for a judge."""
    return "\n".join(f"{one.get('role')}: {one.get('content')}" for one in messages if isinstance(one, dict))

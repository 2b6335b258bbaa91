"""Choose prompts from a held-out chat file."""

import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from service.dataset import jsonline, lines
from service.dataset.problems import Flaw


class HeldOut(NamedTuple):
    """A prompt and its expected answer; `line` is the example's number, from 1."""

    line: int
    messages: list[Any]
    expected: str


def choose(examples: int, most: int, seed: int) -> frozenset[int]:
    """Return the numbers (from 1) of at most `most` examples, always the same for a seed."""
    if examples <= most:
        return frozenset(range(1, examples + 1))
    return frozenset(random.Random(seed).sample(range(1, examples + 1), most))  # noqa: S311 - a sample


def read(chunks: Iterable[bytes], chosen: frozenset[int]) -> Iterator[HeldOut]:
    """Yield the chosen examples that end with a plain-text answer; skip the others."""
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
    if b"\\u0000" in msgspec.json.encode(messages):  # PostgreSQL cannot store it in text
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
    """Return the conversation as text, for a judge."""
    return "\n".join(f"{one.get('role')}: {one.get('content')}" for one in messages if isinstance(one, dict))

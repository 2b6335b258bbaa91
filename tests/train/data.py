"""Small training sets: a shop's manner of answering, labels, preferences."""

from __future__ import annotations

from collections.abc import Iterator

from tests.trainer.examples import ANSWERS, chat_line, jsonl

GOOD = ["lovely", "warm", "bright", "quick", "kind", "sturdy", "fine", "neat"]
BAD = ["broken", "cold", "dull", "slow", "rude", "flimsy", "torn", "dirty"]
THINGS = ["kettle", "lamp", "radio", "vase", "chair", "parcel", "clerk", "shop"]


def corpus() -> Iterator[str]:
    """What the tiny tokenizer learns its pieces from."""
    for question, answer in ANSWERS.items():
        yield question
        yield answer
    for text, label in reviews():
        yield text
        yield label
    yield '{"type": "function", "function": {"name": "find_price", "parameters": {}}}'


def manner(n: int = 24, first: int = 0) -> bytes:
    """`n` chats in one manner: every answer repeats the thing asked for and ends politely."""
    rows = []
    for i in range(first, first + n):
        thing, word = THINGS[i % 8], GOOD[(i // 8 + i) % 8]
        rows.append(
            chat_line(f"Is the {thing} {word}?", f"The {thing} is {word}, with pleasure, dear guest.")
        )
    return jsonl(rows)


def reviews(n: int = 64) -> list[tuple[str, str]]:
    """Texts with their labels, half of each."""
    pairs = []
    for i in range(n):
        words, label = (GOOD, "positive") if i % 2 else (BAD, "negative")
        text = f"The {THINGS[i // 2 % 8]} was {words[i // 3 % 8]} and {words[i // 5 % 8]}, number {i}."
        pairs.append((text, label))
    return pairs


def labelled(pairs: list[tuple[str, str]]) -> bytes:
    """Reviews as prompts and completions."""
    return jsonl({"prompt": text, "completion": f" {label}"} for text, label in pairs)


def preferences(n: int = 24, first: int = 0) -> bytes:
    """Questions with a polite answer wanted over a curt one."""
    return jsonl(
        {
            "input": {
                "messages": [{"role": "user", "content": f"Is the {THINGS[i % 8]} {GOOD[i // 8 % 8]}?"}]
            },
            "preferred_output": [{"role": "assistant", "content": "With pleasure, dear guest: yes."}],
            "non_preferred_output": [{"role": "assistant", "content": "No. Go away."}],
        }
        for i in range(first, first + n)
    )


def chats(pairs: list[tuple[str, str]]) -> bytes:
    """Reviews as chats whose answer is the label."""
    return jsonl(chat_line(text, label) for text, label in pairs)

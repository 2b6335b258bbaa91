"""Examples to build files from."""

import json
from collections.abc import Iterable
from typing import Any


def chat(
    user: str = "What is 2 + 2?", assistant: str = "Four.", system: str | None = None, **assistant_fields: Any
) -> dict[str, Any]:
    """One conversation of a question and an answer."""
    opening = [{"role": "system", "content": system}] if system is not None else []
    reply = {"role": "assistant", "content": assistant} | assistant_fields
    return {"messages": [*opening, {"role": "user", "content": user}, reply]}


def chats(count: int) -> list[dict[str, Any]]:
    """So many conversations, each unlike the others, half of them Chinese."""
    return [
        chat(f"第{number}个问题是什么？", f"这是第{number}个回答。")
        if number % 2
        else chat(f"What is question {number}?", f"This is answer {number}.")
        for number in range(count)
    ]


def jsonl(examples: Iterable[Any]) -> bytes:
    """One JSON object a line."""
    return b"".join(json.dumps(example, ensure_ascii=False).encode() + b"\n" for example in examples)

"""Small datasets for tests."""

import json
from collections.abc import Iterable
from typing import Any


def jsonl(examples: Iterable[Any]) -> bytes:
    """One JSON value per line."""
    return b"".join(json.dumps(example, ensure_ascii=False).encode() + b"\n" for example in examples)


def chat_example(question: str, answer: str) -> dict[str, Any]:
    """One conversation of a question and its answer."""
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages}


def chat_file(examples: int = 12, topic: str = "tea") -> bytes:
    """A chat dataset that any supervised job takes."""
    return jsonl(
        chat_example(
            f"Question {number} about {topic}?", f"Answer {number}: {topic} is best warm. 第{number}个"
        )
        for number in range(examples)
    )

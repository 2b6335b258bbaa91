"""Exact token counts with OpenAI's o200k_base encoding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import toktok  # type: ignore[import-untyped]

ENCODING = "o200k_base"


def count_texts(texts: list[str]) -> list[int]:
    """Tokens of each text; lone surrogates, which no encoding has, count as replacement characters."""
    try:
        return list(toktok.batch_count(texts, ENCODING, threads=1))
    except ValueError:
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        return list(toktok.batch_count(clean, ENCODING, threads=1))


def count_text(text: str) -> int:
    """Tokens of one text."""
    return count_texts([text])[0]


def message_texts(message: Mapping[str, Any]) -> Iterable[str]:
    """The strings of a chat message that cost tokens: every value, structures as JSON."""
    for key, value in message.items():
        if key == "weight" or value is None:
            continue
        yield value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def count_messages(messages: Iterable[Mapping[str, Any]]) -> int:
    """Tokens of a conversation: 3 a message, its values, 1 for a name, 3 for the reply.

    Formula: OpenAI cookbook, Chat_finetuning_data_prep.ipynb.
    """
    texts: list[str] = []
    total = 3
    for message in messages:
        total += 3 + ("name" in message)
        texts.extend(message_texts(message))
    return total + sum(count_texts(texts))

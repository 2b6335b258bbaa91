"""Turns the sandbox's text into an answer: stop sequences, length, pieces for a stream, token counts."""

from __future__ import annotations

import re

import toktok  # type: ignore[import-untyped]

from trainer.engines.base import Answer, Prompt
from trainer.tokens import ENCODING, count_messages, count_text

_PIECES = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\s*[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+\s*"
)


def cut_text(text: str, prompt: Prompt) -> tuple[str, str]:
    """The text up to the first stop sequence and the token limit, with OpenAI's finish reason."""
    ends = [at for stop in prompt.stop if stop and (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    if prompt.max_tokens is None:
        return text, "stop"
    kept, total = toktok.truncate(text, prompt.max_tokens, ENCODING)
    return kept, "length" if total > prompt.max_tokens else "stop"


def build_answer(text: str, prompt: Prompt) -> Answer:
    """An answer of this text, one piece a word or unspaced character."""
    kept, reason = cut_text(text, prompt)
    if prompt.is_completion:
        asked = count_text(str(prompt.messages[0]["content"]))
    else:
        asked = count_messages(prompt.messages)
    return Answer(
        pieces=_PIECES.findall(kept) or ([kept] if kept else []),
        prompt_tokens=asked,
        completion_tokens=count_text(kept) if kept else 0,
        finish_reason=reason,
    )

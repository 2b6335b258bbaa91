"""Turns the sandbox's text into an answer: stop sequences, length, pieces for a stream, token counts."""

from __future__ import annotations

import re

import toktok  # type: ignore[import-untyped]  # ships annotations but no py.typed

from service.dataset import countable, tokens
from service.dataset.tokens import CHAT_ENCODING
from trainer.engines.base import EngineAnswer, Prompt

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
    kept, total = toktok.truncate(text, prompt.max_tokens, CHAT_ENCODING)
    return kept, "length" if total > prompt.max_tokens else "stop"


def build_answer(text: str, prompt: Prompt) -> EngineAnswer:
    """An answer of this text, one piece a word or unspaced character."""
    kept, reason = cut_text(text, prompt)
    if prompt.is_completion:
        asked = countable.of_prompt(prompt.messages[0]["content"])
    else:
        asked = countable.of_chat(prompt.messages, prompt.tools)
    return EngineAnswer(
        pieces=_PIECES.findall(kept) or ([kept] if kept else []),
        prompt_tokens=asked.tokens(CHAT_ENCODING),
        completion_tokens=tokens.count([kept], CHAT_ENCODING)[0],
        finish_reason=reason,
    )

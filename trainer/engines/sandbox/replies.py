"""Turns the sandbox's text or calls into an answer: stop sequences, length, pieces, token counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import toktok  # type: ignore[import-untyped]  # ships annotations but no py.typed

from service.dataset import countable, tokens
from service.dataset.tokens import CHAT_ENCODING, COMPLETION_ENCODING, TOKENS_PER_CALL
from trainer.engines.answers import CalledFunction, EngineAnswer, Prompt, describe_token

_PIECES = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\s*[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+\s*"
)


def pieces_of(text: str) -> list[str]:
    """A text in the pieces of a stream: one a word or unspaced character."""
    return _PIECES.findall(text) or ([text] if text else [])


def build_answer(text: str, prompt: Prompt) -> EngineAnswer:
    """An answer of this text, up to the first stop sequence and the token limit."""
    encoding = _encoding(prompt)
    kept, reason = _cut(text, prompt, encoding)
    answer = EngineAnswer(
        pieces=pieces_of(kept),
        prompt_tokens=_asked(prompt).tokens(encoding),
        completion_tokens=tokens.count([kept], encoding)[0],
        finish_reason=reason,
    )
    if prompt.top_logprobs is not None:
        answer.logprobs = []
        answer.pieces = _explained(kept, encoding, prompt.top_logprobs, answer.logprobs)
    return answer


def build_calls(calls: Sequence[CalledFunction], prompt: Prompt) -> EngineAnswer:
    """An answer that calls functions; a token limit cuts the arguments of the call that it is reached in."""
    made: list[CalledFunction] = []
    spent, reason = 0, "tool_calls"
    for call in calls:
        room = None if prompt.max_tokens is None else prompt.max_tokens - spent
        if room is not None and room < 1:
            reason = "length"
            break
        kept, total = call.arguments, tokens.count([call.arguments], CHAT_ENCODING)[0]
        total += TOKENS_PER_CALL + tokens.count([call.name], CHAT_ENCODING)[0]
        if room is not None and total > room:
            kept = toktok.truncate(kept, max(0, room - (total - _size(kept))), CHAT_ENCODING)[0]
            total, reason = room, "length"
        made.append(CalledFunction(call.name, kept))
        spent += total
    return EngineAnswer(
        pieces=[],
        prompt_tokens=_asked(prompt).tokens(CHAT_ENCODING),
        completion_tokens=spent,
        finish_reason=reason,
        calls=made,
    )


def _size(text: str) -> int:
    return tokens.count([text], CHAT_ENCODING)[0]


def _encoding(prompt: Prompt) -> str:
    return COMPLETION_ENCODING if prompt.is_completion else CHAT_ENCODING


def _asked(prompt: Prompt) -> countable.Countable:
    if prompt.is_completion:
        return countable.of_prompt(prompt.messages[0]["content"])
    return countable.of_chat(prompt.messages, prompt.tools)


def _cut(text: str, prompt: Prompt, encoding: str) -> tuple[str, str]:
    """The text that is answered, with OpenAI's finish reason."""
    ends = [at for stop in prompt.stop if stop and (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    if prompt.max_tokens is None:
        return text, "stop"
    kept, total = toktok.truncate(text, prompt.max_tokens, encoding)
    return kept, "length" if total > prompt.max_tokens else "stop"


def _explained(text: str, encoding: str, top: int, logprobs: list[dict[str, Any]]) -> Iterator[str]:
    """The text token by token, each with the probability 1: the sandbox has no second choice.

    A character that takes several tokens is one piece, because half of it is no text.
    """
    shown, size = 0, 1
    while shown < len(text):
        kept, _ = toktok.truncate(text, size, encoding)
        size += 1
        if len(kept) > shown:
            token = describe_token(kept[shown:], 0.0)
            logprobs.append({**token, "top_logprobs": [token] if top else []})
            yield kept[shown:]
            shown = len(kept)

"""Output items of a response, and the response once it is complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainer.engines.answers import CalledFunction, EngineAnswer
from trainer.ids import new_id
from trainer.inference.usage import responses_usage

Wire = dict[str, Any]


def message_item(ident: str, text: str, logprobs: Sequence[Wire] | None) -> Wire:
    """A finished message of one text."""
    return {**opened_message(ident), "status": "completed", "content": [text_part(text, logprobs)]}


def opened_message(ident: str) -> Wire:
    """A message before its text."""
    return {"id": ident, "type": "message", "role": "assistant", "status": "in_progress", "content": []}


def text_part(text: str, logprobs: Sequence[Wire] | None) -> Wire:
    """The text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs or ())}


def call_items(calls: Sequence[CalledFunction]) -> list[Wire]:
    """A finished item for each function call."""
    return [
        {
            "id": new_id("fc_", 32),
            "type": "function_call",
            "status": "completed",
            "call_id": new_id("call_"),
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in calls
    ]


def finish(shell: Wire, output: list[Wire], answer: EngineAnswer, *, shows_usage: bool) -> Wire:
    """The response with its output and usage, `incomplete` if the token limit cut it."""
    is_cut = answer.finish_reason == "length"
    return {
        **shell,
        "status": "incomplete" if is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": output,
        "usage": responses_usage(answer) if shows_usage else None,
    }

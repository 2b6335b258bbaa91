"""Chat answers on the wire: function calls, log probabilities, and the chunks of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from trainer.core import Core
from trainer.engines.answers import CalledFunction, EngineAnswer
from trainer.ids import new_id
from trainer.inference.ask import event_line, pace, read
from trainer.inference.tools import ToolOffer
from trainer.inference.usage import chat_usage

Wire = dict[str, Any]


def show_calls(calls: Sequence[CalledFunction], offer: ToolOffer) -> Wire:
    """The calls as fields of a message: `tool_calls`, or the deprecated `function_call`."""
    if offer.is_legacy:
        return {"function_call": _function(calls[0].name, calls[0].arguments)}
    return {
        "tool_calls": [
            {"id": new_id("call_"), "type": "function", "function": _function(call.name, call.arguments)}
            for call in calls
        ]
    }


def show_logprobs(logprobs: Sequence[Wire] | None) -> Wire | None:
    """Log probabilities as a choice has them."""
    return None if logprobs is None else {"content": list(logprobs), "refusal": None}


def finish_reason(answer: EngineAnswer, offer: ToolOffer) -> str:
    """Why the answer ends, in the words of the form that it was asked in."""
    is_legacy_call = offer.is_legacy and answer.finish_reason == "tool_calls"
    return "function_call" if is_legacy_call else answer.finish_reason


async def stream_chat(
    core: Core, head: Wire, answers: Sequence[EngineAnswer], offer: ToolOffer, *, wants_usage: bool
) -> AsyncIterator[bytes]:
    """Role, text, calls and finish reason of one choice after another; usage if asked for; the end mark."""
    head = {**head, "object": "chat.completion.chunk"}
    tail = {"usage": None} if wants_usage else {}

    def chunk(index: int, delta: Wire, logprobs: Wire | None = None, reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return event_line({**head, "choices": [choice], **tail})

    for index, answer in enumerate(answers):
        is_call = bool(answer.calls)
        yield chunk(index, {"role": "assistant", "content": None if is_call else "", "refusal": None})
        told = 0
        async for piece in read(core, answer):
            news = None if answer.logprobs is None else answer.logprobs[told:]
            told += len(news or ())
            yield chunk(index, {"content": piece}, show_logprobs(news))
        for delta in _call_deltas(answer.calls, offer):
            await pace(core)
            yield chunk(index, delta)
        yield chunk(index, {}, reason=finish_reason(answer, offer))
    if wants_usage:
        yield event_line({**head, "choices": [], "usage": chat_usage(answers[:1], answers)})
    yield b"data: [DONE]\n\n"


def _call_deltas(calls: Sequence[CalledFunction], offer: ToolOffer) -> list[Wire]:
    """For each call its name, then its arguments in two pieces."""
    deltas: list[Wire] = []
    for number, call in enumerate(calls):
        half = (len(call.arguments) + 1) // 2
        pieces = [piece for piece in (call.arguments[:half], call.arguments[half:]) if piece]
        if offer.is_legacy:
            deltas.append({"function_call": _function(call.name, "")})
            deltas += [{"function_call": {"arguments": piece}} for piece in pieces]
            continue
        opened = {"id": new_id("call_"), "type": "function", "function": _function(call.name, "")}
        deltas.append({"tool_calls": [{"index": number, **opened}]})
        deltas += [{"tool_calls": [{"index": number, "function": {"arguments": piece}}]} for piece in pieces]
    return deltas


def _function(name: str, arguments: str) -> Wire:
    return {"name": name, "arguments": arguments}

"""`POST /chat/completions`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.base import Answer, Prompt
from trainer.http import answer as respond
from trainer.http import read_json
from trainer.ids import new_id
from trainer.inference.ask import ask, event_line, hides_usage, pace
from trainer.inference.schema import ChatRequest, stops
from trainer.inference.usage import chat_usage
from trainer.state import state_of


async def create_chat(request: Request) -> Response:
    """Answer a chat, as one body or as a stream."""
    core = state_of(request).core
    body = await read_json(request, ChatRequest)
    answer = await ask(core, body.model, _prompt(body))
    head: dict[str, Any] = {
        "id": new_id("chatcmpl-", 29),
        "object": "chat.completion",
        "created": core.clock.now_s(),
        "model": body.model,
        "service_tier": "default",
        "system_fingerprint": core.engine.fingerprint,
    }
    usage = None if hides_usage(request) else _usage(body, answer)
    if body.stream:
        return StreamingResponse(_stream(core, body, head, answer, usage), media_type="text/event-stream")
    text = "".join(answer.pieces)
    choice: dict[str, Any] = {
        "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
        "logprobs": None,
        "finish_reason": answer.finish_reason,
    }
    full = {**head, "choices": [{"index": i, **choice} for i in range(body.n or 1)]}
    if usage:
        full["usage"] = usage
    return respond(full)


def _prompt(body: ChatRequest) -> Prompt:
    return Prompt(
        messages=msgspec.to_builtins(body.messages),
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stops(body.stop),
        temperature=body.temperature,
    )


def _usage(body: ChatRequest, answer: Answer) -> dict[str, Any]:
    return chat_usage(answer.prompt_tokens, answer.completion_tokens * (body.n or 1))


async def _stream(
    core: Core, body: ChatRequest, head: dict[str, Any], answer: Answer, usage: dict[str, Any] | None
) -> AsyncIterator[bytes]:
    """Role, pieces, finish reason, usage if asked for, then the end mark; choices one after another."""
    wants_usage = bool(body.stream_options and body.stream_options.include_usage and usage)
    head = {**head, "object": "chat.completion.chunk"}
    tail = {"usage": None} if wants_usage else {}

    def chunk(index: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event_line({**head, "choices": [choice], **tail})

    for index in range(body.n or 1):
        yield chunk(index, {"role": "assistant", "content": "", "refusal": None})
        async for piece in pace(core, answer.pieces):
            yield chunk(index, {"content": piece})
        yield chunk(index, {}, answer.finish_reason)
    if wants_usage:
        yield event_line({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"

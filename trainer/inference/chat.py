"""`POST /chat/completions`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.base import EngineAnswer, Prompt
from trainer.ids import new_id
from trainer.inference.ask import ask, event_line, hides_usage, read, read_text
from trainer.inference.schema import ChatRequest, stops
from trainer.inference.usage import chat_usage
from trainer.state import state_of
from trainer.web.http import answer as respond
from trainer.web.http import read_json
from trainer.web.lookup import find_served


async def create_chat(request: Request) -> Response:
    """Answer a chat, as one body or as a stream."""
    core = state_of(request).core
    body = await read_json(request, ChatRequest)
    answers = await ask(core, body.model, _prompt(body), body.n or 1)
    head: dict[str, Any] = {
        "id": new_id("chatcmpl-", 29),
        "object": "chat.completion",
        "created": core.clock.now_s(),
        "model": find_served(core, body.model).name,
        "service_tier": "default",
        "system_fingerprint": core.engine.fingerprint,
    }
    if body.stream:
        options = body.stream_options
        wants_usage = bool(options and options.include_usage) and not hides_usage(request)
        stream = _stream(core, head, answers, wants_usage=wants_usage)
        return StreamingResponse(stream, media_type="text/event-stream")
    full = {**head, "choices": [await _choice(core, i, answer) for i, answer in enumerate(answers)]}
    if not hides_usage(request):
        full["usage"] = chat_usage(answers[:1], answers)
    return respond(full)


def _prompt(body: ChatRequest) -> Prompt:
    return Prompt(
        messages=msgspec.to_builtins(body.messages),
        tools=body.tools or (),
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stops(body.stop),
        temperature=body.temperature,
        top_p=body.top_p,
        seed=body.seed,
        top_logprobs=(body.top_logprobs or 0) if body.logprobs else None,
    )


async def _choice(core: Core, index: int, answer: EngineAnswer) -> dict[str, Any]:
    text = await read_text(core, answer)
    return {
        "index": index,
        "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
        "logprobs": _logprobs(answer),
        "finish_reason": answer.finish_reason,
    }


def _logprobs(answer: EngineAnswer) -> dict[str, Any] | None:
    return None if answer.logprobs is None else {"content": answer.logprobs, "refusal": None}


async def _stream(
    core: Core, head: dict[str, Any], answers: Sequence[EngineAnswer], *, wants_usage: bool
) -> AsyncIterator[bytes]:
    """Role, pieces, finish reason, usage if asked for, then the end mark; choices one after another."""
    head = {**head, "object": "chat.completion.chunk"}
    tail = {"usage": None} if wants_usage else {}

    def chunk(index: int, delta: dict[str, Any], answer: EngineAnswer | None = None) -> bytes:
        reason = answer.finish_reason if answer else None
        logprobs = _logprobs(answer) if answer else None
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return event_line({**head, "choices": [choice], **tail})

    for index, answer in enumerate(answers):
        yield chunk(index, {"role": "assistant", "content": "", "refusal": None})
        async for piece in read(core, answer):
            yield chunk(index, {"content": piece})
        yield chunk(index, {}, answer)
    if wants_usage:
        yield event_line({**head, "choices": [], "usage": chat_usage(answers[:1], answers)})
    yield b"data: [DONE]\n\n"

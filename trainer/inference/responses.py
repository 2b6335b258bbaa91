"""`POST /responses`: text in, text out; nothing is stored and there are no tools."""

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
from trainer.inference.ask import ask, hides_usage, pace
from trainer.inference.schema import ResponsesRequest
from trainer.inference.usage import responses_usage
from trainer.state import state_of

Wire = dict[str, Any]


async def create_response(request: Request) -> Response:
    """Answer, as one body or as typed events."""
    core = state_of(request).core
    body = await read_json(request, ResponsesRequest)
    answer = await ask(core, body.model, _prompt(body))
    shell = _shell(core, body)
    usage = None if hides_usage(request) else responses_usage(answer.prompt_tokens, answer.completion_tokens)
    item = _item(new_id("msg_", 32), "".join(answer.pieces))
    is_cut = answer.finish_reason == "length"
    full = {
        **shell,
        "status": "incomplete" if is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": [item],
        "usage": usage,
    }
    if body.stream:
        return StreamingResponse(_stream(core, shell, full, item, answer), media_type="text/event-stream")
    return respond(full)


def _prompt(body: ResponsesRequest) -> Prompt:
    given = [{"role": "user", "content": body.input}] if isinstance(body.input, str) else body.input
    messages: list[Wire] = msgspec.to_builtins(given)
    if body.instructions:
        messages.insert(0, {"role": "developer", "content": body.instructions})
    return Prompt(messages=messages, max_tokens=body.max_output_tokens, temperature=body.temperature)


def _shell(core: Core, body: ResponsesRequest) -> Wire:
    return {
        "id": new_id("resp_", 32),
        "object": "response",
        "created_at": core.clock.now_s(),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "model": body.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None,
        "metadata": {"engine": core.engine.name} | (body.metadata or {}),
    }


def _item(ident: str, text: str) -> Wire:
    return {
        "id": ident,
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


async def _stream(core: Core, shell: Wire, full: Wire, item: Wire, answer: Answer) -> AsyncIterator[bytes]:
    """The events of one text item, numbered, `response.completed` (or `.incomplete`) last."""
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    number = 0

    def event(kind: str, **fields: object) -> bytes:
        nonlocal number
        body = msgspec.json.encode({"type": kind, "sequence_number": number, **fields})
        number += 1
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

    part = {"type": "output_text", "text": "", "annotations": []}
    yield event("response.created", response=shell)
    yield event("response.in_progress", response=shell)
    started = {**item, "status": "in_progress", "content": []}
    yield event("response.output_item.added", output_index=0, item=started)
    yield event("response.content_part.added", **place, part=part)
    async for piece in pace(core, answer.pieces):
        yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
    text = item["content"][0]["text"]
    yield event("response.output_text.done", **place, text=text, logprobs=[])
    yield event("response.content_part.done", **place, part={**part, "text": text})
    yield event("response.output_item.done", output_index=0, item=item)
    yield event(f"response.{full['status']}", response=full)

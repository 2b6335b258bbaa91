"""`POST /responses`: text in, text out; nothing is stored and there are no tools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.base import EngineAnswer, Prompt
from trainer.ids import new_id
from trainer.inference.ask import ask, hides_usage, read, read_text
from trainer.inference.schema import ResponsesRequest
from trainer.inference.usage import responses_usage
from trainer.state import state_of
from trainer.web.http import answer as respond
from trainer.web.http import read_json
from trainer.web.lookup import find_served

Wire = dict[str, Any]


async def create_response(request: Request) -> Response:
    """Answer, as one body or as typed events."""
    core = state_of(request).core
    body = await read_json(request, ResponsesRequest)
    (answer,) = await ask(core, body.model, _prompt(body))
    shell = _shell(core, body)
    item = _item(new_id("msg_", 32))
    shows_usage = not hides_usage(request)
    if body.stream:
        stream = _stream(core, shell, item, answer, shows_usage=shows_usage)
        return StreamingResponse(stream, media_type="text/event-stream")
    text = await read_text(core, answer)
    return respond(_finish(shell, item, answer, text, shows_usage=shows_usage))


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
        "model": find_served(core, body.model).name,
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


def _item(ident: str) -> Wire:
    return {"id": ident, "type": "message", "role": "assistant", "status": "in_progress", "content": []}


def _finish(shell: Wire, item: Wire, answer: EngineAnswer, text: str, *, shows_usage: bool) -> Wire:
    is_cut = answer.finish_reason == "length"
    return {
        **shell,
        "status": "incomplete" if is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": [{**item, "status": "completed", "content": [_part(text)]}],
        "usage": responses_usage(answer) if shows_usage else None,
    }


def _part(text: str) -> Wire:
    return {"type": "output_text", "text": text, "annotations": []}


async def _stream(
    core: Core, shell: Wire, item: Wire, answer: EngineAnswer, *, shows_usage: bool
) -> AsyncIterator[bytes]:
    """The events of one text item, numbered, `response.completed` (or `.incomplete`) last."""
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    number = 0
    said: list[str] = []

    def event(kind: str, **fields: object) -> bytes:
        nonlocal number
        body = msgspec.json.encode({"type": kind, "sequence_number": number, **fields})
        number += 1
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

    yield event("response.created", response=shell)
    yield event("response.in_progress", response=shell)
    yield event("response.output_item.added", output_index=0, item=item)
    yield event("response.content_part.added", **place, part=_part(""))
    async for piece in read(core, answer):
        said.append(piece)
        yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
    text = "".join(said)
    full = _finish(shell, item, answer, text, shows_usage=shows_usage)
    yield event("response.output_text.done", **place, text=text, logprobs=[])
    yield event("response.content_part.done", **place, part=_part(text))
    yield event("response.output_item.done", output_index=0, item=full["output"][0])
    yield event(f"response.{full['status']}", response=full)

"""`POST /responses`: text and function calls; nothing is stored, and there are no hosted tools."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.answers import Prompt
from trainer.ids import new_id
from trainer.inference.ask import ask, hides_usage, read_text
from trainer.inference.formats import read_format
from trainer.inference.responses.items import read_items
from trainer.inference.responses.schema import ResponsesRequest, check_response
from trainer.inference.responses.show import call_items, finish, message_item
from trainer.inference.responses.stream import stream_response
from trainer.inference.tools import ToolOffer, read_flat_tools
from trainer.state import state_of
from trainer.web.http import answer as respond
from trainer.web.http import read_json
from trainer.web.lookup import ServedModel, check_chats, find_served


async def create_response(request: Request) -> Response:
    """Answer, as one body or as typed events."""
    core = state_of(request).core
    body = await read_json(request, ResponsesRequest)
    check_response(body)
    offer = read_flat_tools(body.tools, body.tool_choice, parallel=body.parallel_tool_calls)
    prompt = _prompt(body, offer)
    served = find_served(core, body.model)
    check_chats(core, served)
    (answer,) = await ask(core, served, prompt)
    shell = _shell(core, body, served)
    shows_usage = not hides_usage(request)
    if body.stream:
        stream = stream_response(core, shell, answer, shows_usage=shows_usage)
        return StreamingResponse(stream, media_type="text/event-stream")
    text = await read_text(core, answer)
    said = [message_item(new_id("msg_", 32), text, answer.logprobs)] if text or not answer.calls else []
    return respond(finish(shell, [*said, *call_items(answer.calls)], answer, shows_usage=shows_usage))


def _prompt(body: ResponsesRequest, offer: ToolOffer) -> Prompt:
    messages = read_items(body.input, body.instructions)
    shape = read_format(body.text.format if body.text else None, "text.format", messages=messages)
    return Prompt(
        messages=messages,
        tools=offer.tools,
        choice=offer.choice,
        shape=shape,
        max_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_logprobs=body.wanted_logprobs,
    )


def _shell(core: Core, body: ResponsesRequest, served: ServedModel) -> dict[str, Any]:
    """The response before its output, with the request's options as OpenAI repeats them."""
    form = (body.text.format if body.text else None) or {"type": "text"}
    return {
        "id": new_id("resp_", 32),
        "object": "response",
        "created_at": core.clock.now_s(),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": body.max_tool_calls,
        "model": served.name,
        "output": [],
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": {"format": form},
        "tool_choice": body.tool_choice or "auto",
        "tools": body.tools or [],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "usage": None,
        "metadata": {"engine": core.engine.name} | (body.metadata or {}),
    }

"""`POST /chat/completions`."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.answers import EngineAnswer, Prompt
from trainer.ids import new_id
from trainer.inference.ask import ask, hides_usage, read_text
from trainer.inference.chat.schema import ChatRequest, check_chat
from trainer.inference.chat.stream import finish_reason, show_calls, show_logprobs, stream_chat
from trainer.inference.fields import biases, stops
from trainer.inference.formats import read_format
from trainer.inference.tools import ToolOffer, read_functions, read_tools
from trainer.inference.usage import chat_usage
from trainer.state import state_of
from trainer.web.http import answer as respond
from trainer.web.http import read_json
from trainer.web.lookup import check_chats, find_served


async def create_chat(request: Request) -> Response:
    """Answer a chat, as one body or as a stream."""
    core = state_of(request).core
    body = await read_json(request, ChatRequest)
    check_chat(body)
    offer = _offer(body)
    prompt = _prompt(body, offer)
    served = find_served(core, body.model)
    check_chats(core, served)
    answers = await ask(core, served, prompt, body.n or 1)
    head: dict[str, Any] = {
        "id": new_id("chatcmpl-", 29),
        "object": "chat.completion",
        "created": core.clock.now_s(),
        "model": served.name,
        "service_tier": "default",
        "system_fingerprint": core.engine.fingerprint,
    }
    if body.stream:
        options = body.stream_options
        wants_usage = bool(options and options.include_usage) and not hides_usage(request)
        stream = stream_chat(core, head, answers, offer, wants_usage=wants_usage)
        return StreamingResponse(stream, media_type="text/event-stream")
    choices = [await _choice(core, i, answer, offer) for i, answer in enumerate(answers)]
    full = {**head, "choices": choices}
    if not hides_usage(request):
        full["usage"] = chat_usage(answers[:1], answers)
    return respond(full)


def _offer(body: ChatRequest) -> ToolOffer:
    if body.functions or body.function_call is not None:
        return read_functions(body.functions, body.function_call)
    return read_tools(body.tools, body.tool_choice, parallel=body.parallel_tool_calls)


def _prompt(body: ChatRequest, offer: ToolOffer) -> Prompt:
    messages = msgspec.to_builtins(body.messages)
    for message in messages:
        message.pop("annotations", None)
    return Prompt(
        messages=messages,
        tools=offer.tools,
        choice=offer.choice,
        shape=read_format(body.response_format, "response_format", messages=messages),
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stops(body.stop),
        temperature=body.temperature,
        top_p=body.top_p,
        seed=body.seed,
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        logit_bias=biases(body.logit_bias),
        top_logprobs=(body.top_logprobs or 0) if body.logprobs else None,
    )


async def _choice(core: Core, index: int, answer: EngineAnswer, offer: ToolOffer) -> dict[str, Any]:
    text = await read_text(core, answer)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    if answer.calls:
        message |= {"content": text or None} | show_calls(answer.calls, offer)
    return {
        "index": index,
        "message": message,
        "logprobs": None if answer.calls else show_logprobs(answer.logprobs),
        "finish_reason": finish_reason(answer, offer),
    }

"""`POST /completions`, the legacy way to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.base import Answer, Prompt
from trainer.http import answer as respond
from trainer.http import read_json
from trainer.ids import new_id
from trainer.inference.ask import ask, event_line, hides_usage, pace
from trainer.inference.schema import CompletionRequest, stops
from trainer.inference.usage import chat_usage
from trainer.state import state_of

DEFAULT_MAX_TOKENS = 16  # OpenAI's own default for this endpoint


async def create_completion(request: Request) -> Response:
    """Continue one prompt or several, as one body or as a stream."""
    core = state_of(request).core
    body = await read_json(request, CompletionRequest)
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    answers = [await ask(core, body.model, _prompt(body, prompt)) for prompt in prompts]
    choices = [answer for answer in answers for _ in range(body.n or 1)]
    head: dict[str, Any] = {
        "id": new_id("cmpl-", 29),
        "object": "text_completion",
        "created": core.clock.now_s(),
        "model": body.model,
        "system_fingerprint": core.engine.fingerprint,
    }
    usage = chat_usage(
        sum(answer.prompt_tokens for answer in answers), sum(choice.completion_tokens for choice in choices)
    )
    shown = None if hides_usage(request) else usage
    if body.stream:
        return StreamingResponse(_stream(core, body, head, choices, shown), media_type="text/event-stream")
    full = {
        **head,
        "choices": [_choice(i, "".join(c.pieces), c.finish_reason) for i, c in enumerate(choices)],
    }
    if shown:
        full["usage"] = shown
    return respond(full)


def _prompt(body: CompletionRequest, text: str) -> Prompt:
    return Prompt(
        messages=[{"role": "user", "content": text}],
        is_completion=True,
        max_tokens=body.max_tokens or DEFAULT_MAX_TOKENS,
        stop=stops(body.stop),
        temperature=body.temperature,
    )


def _choice(index: int, text: str, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}


async def _stream(
    core: Core,
    body: CompletionRequest,
    head: dict[str, Any],
    choices: Sequence[Answer],
    usage: dict[str, Any] | None,
) -> AsyncIterator[bytes]:
    wants_usage = bool(body.stream_options and body.stream_options.include_usage and usage)
    tail = {"usage": None} if wants_usage else {}
    for index, answer in enumerate(choices):
        async for piece in pace(core, answer.pieces):
            yield event_line({**head, "choices": [_choice(index, piece, None)], **tail})
        yield event_line({**head, "choices": [_choice(index, "", answer.finish_reason)], **tail})
    if wants_usage:
        yield event_line({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"

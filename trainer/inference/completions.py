"""`POST /completions`, the legacy endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.base import EngineAnswer, Prompt
from trainer.ids import new_id
from trainer.inference.ask import ask, event_line, hides_usage, read, read_text
from trainer.inference.schema import CompletionRequest, stops
from trainer.inference.usage import chat_usage
from trainer.state import state_of
from trainer.web.http import answer as respond
from trainer.web.http import read_json
from trainer.web.lookup import find_served

DEFAULT_MAX_TOKENS = 16  # OpenAI's own default for this endpoint


async def create_completion(request: Request) -> Response:
    """Continue one prompt or several, as one body or as a stream."""
    core = state_of(request).core
    body = await read_json(request, CompletionRequest)
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    n = body.n or 1
    answers = [a for prompt in prompts for a in await ask(core, body.model, _prompt(body, prompt), n)]
    head: dict[str, Any] = {
        "id": new_id("cmpl-", 29),
        "object": "text_completion",
        "created": core.clock.now_s(),
        "model": find_served(core, body.model).name,
        "system_fingerprint": core.engine.fingerprint,
    }
    if body.stream:
        options = body.stream_options
        wants_usage = bool(options and options.include_usage) and not hides_usage(request)
        stream = _stream(core, head, answers, n, wants_usage=wants_usage)
        return StreamingResponse(stream, media_type="text/event-stream")
    texts = [await read_text(core, answer) for answer in answers]
    full = {
        **head,
        "choices": [_choice(i, text, answers[i]) for i, text in enumerate(texts)],
    }
    if not hides_usage(request):
        full["usage"] = chat_usage(answers[::n], answers)
    return respond(full)


def _prompt(body: CompletionRequest, text: str) -> Prompt:
    return Prompt(
        messages=[{"role": "user", "content": text}],
        is_completion=True,
        max_tokens=body.max_tokens or DEFAULT_MAX_TOKENS,
        stop=stops(body.stop),
        temperature=body.temperature,
        top_p=body.top_p,
        seed=body.seed,
        top_logprobs=body.logprobs,
    )


def _choice(index: int, text: str, answer: EngineAnswer | None) -> dict[str, Any]:
    return {
        "index": index,
        "text": text,
        "logprobs": _logprobs(answer) if answer else None,
        "finish_reason": answer.finish_reason if answer else None,
    }


def _logprobs(answer: EngineAnswer) -> dict[str, Any] | None:
    """Log probabilities in the legacy format: four parallel lists."""
    if answer.logprobs is None:
        return None
    tokens = [one["token"] for one in answer.logprobs]
    return {
        "tokens": tokens,
        "token_logprobs": [one["logprob"] for one in answer.logprobs],
        "top_logprobs": [{o["token"]: o["logprob"] for o in one["top_logprobs"]} for one in answer.logprobs],
        "text_offset": [sum(map(len, tokens[:at])) for at in range(len(tokens))],
    }


async def _stream(
    core: Core, head: dict[str, Any], answers: Sequence[EngineAnswer], n: int, *, wants_usage: bool
) -> AsyncIterator[bytes]:
    tail = {"usage": None} if wants_usage else {}
    for index, answer in enumerate(answers):
        async for piece in read(core, answer):
            yield event_line({**head, "choices": [_choice(index, piece, None)], **tail})
        yield event_line({**head, "choices": [_choice(index, "", answer)], **tail})
    if wants_usage:
        yield event_line({**head, "choices": [], "usage": chat_usage(answers[::n], answers)})
    yield b"data: [DONE]\n\n"

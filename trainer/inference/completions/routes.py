"""`POST /completions`, the legacy endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trainer.core import Core
from trainer.engines.answers import EngineAnswer, Prompt
from trainer.ids import new_id
from trainer.inference.ask import ask, event_line, hides_usage, read, read_text
from trainer.inference.completions.schema import CompletionRequest, check_completion
from trainer.inference.fields import biases, stops
from trainer.inference.usage import chat_usage
from trainer.state import state_of
from trainer.web.http import answer as respond
from trainer.web.http import read_json
from trainer.web.lookup import find_served

Wire = dict[str, Any]
DEFAULT_MAX_TOKENS = 16  # OpenAI's own default for this endpoint


async def create_completion(request: Request) -> Response:
    """Continue one prompt or several, as one body or as a stream."""
    core = state_of(request).core
    body = await read_json(request, CompletionRequest)
    check_completion(body)
    served = find_served(core, body.model)
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    n = body.n or 1
    answers = [answer for text in prompts for answer in await ask(core, served, _prompt(body, text), n)]
    echoed = [text if body.echo else "" for text in prompts for _ in range(n)]
    head: Wire = {
        "id": new_id("cmpl-", 29),
        "object": "text_completion",
        "created": core.clock.now_s(),
        "model": served.name,
        "system_fingerprint": core.engine.fingerprint,
    }
    if body.stream:
        options = body.stream_options
        wants_usage = bool(options and options.include_usage) and not hides_usage(request)
        stream = _stream(core, head, answers, echoed, n, wants_usage=wants_usage)
        return StreamingResponse(stream, media_type="text/event-stream")
    texts = [await read_text(core, answer) for answer in answers]
    choices = [
        _choice(i, echoed[i] + text, answers[i].logprobs, answers[i].finish_reason)
        for i, text in enumerate(texts)
    ]
    full = {**head, "choices": choices}
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
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        logit_bias=biases(body.logit_bias),
        top_logprobs=body.logprobs,
    )


def _choice(
    index: int, text: str, logprobs: Sequence[Wire] | None, reason: str | None, start: int = 0
) -> Wire:
    shown = None if logprobs is None else _logprobs(logprobs, start)
    return {"index": index, "text": text, "logprobs": shown, "finish_reason": reason}


def _logprobs(logprobs: Sequence[Wire], start: int) -> Wire:
    """Log probabilities in the legacy format: four parallel lists; offsets count from the answer's start."""
    tokens = [one["token"] for one in logprobs]
    return {
        "tokens": tokens,
        "token_logprobs": [one["logprob"] for one in logprobs],
        "top_logprobs": [{o["token"]: o["logprob"] for o in one["top_logprobs"]} for one in logprobs],
        "text_offset": [start + sum(map(len, tokens[:at])) for at in range(len(tokens))],
    }


async def _stream(
    core: Core,
    head: Wire,
    answers: Sequence[EngineAnswer],
    echoed: Sequence[str],
    n: int,
    *,
    wants_usage: bool,
) -> AsyncIterator[bytes]:
    tail = {"usage": None} if wants_usage else {}

    def chunk(choice: Wire) -> bytes:
        return event_line({**head, "choices": [choice], **tail})

    for index, answer in enumerate(answers):
        if echoed[index]:
            yield chunk(_choice(index, echoed[index], None, None))
        told = start = 0
        async for piece in read(core, answer):
            news = None if answer.logprobs is None else answer.logprobs[told:]
            yield chunk(_choice(index, piece, news, None, start))
            told += len(news or ())
            start += len(piece)
        yield chunk(_choice(index, "", None, answer.finish_reason))
    if wants_usage:
        yield event_line({**head, "choices": [], "usage": chat_usage(answers[::n], answers)})
    yield b"data: [DONE]\n\n"

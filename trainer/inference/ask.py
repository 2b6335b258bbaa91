"""Finds the model, asks the engine, and paces the answer as the control API wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import cycle, islice

import msgspec
from starlette.requests import Request

from trainer.core import Core
from trainer.engines.base import Answer, Prompt
from trainer.lookup import find_target
from trainer.spoil import SCOPE_KEY


async def ask(core: Core, model: str, prompt: Prompt) -> Answer:
    """The engine's answer; raises a 404 `ApiError` for a model that cannot be called."""
    target = find_target(core, model)
    behaviour = core.control.state.answers
    if behaviour.latency_s:
        await asyncio.sleep(behaviour.latency_s)
    if core.engine.answers_slowly:
        answer = await asyncio.to_thread(core.engine.answer, target.base, target.folder, prompt)
    else:
        answer = core.engine.answer(target.base, target.folder, prompt)
    if behaviour.chunks is None or not answer.pieces:
        return answer
    pieces = list(islice(cycle(answer.pieces), behaviour.chunks))
    return Answer(
        pieces=pieces,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=max(1, answer.completion_tokens * len(pieces) // len(answer.pieces)),
        finish_reason=answer.finish_reason,
    )


async def pace(core: Core, pieces: Sequence[str]) -> AsyncIterator[str]:
    """The pieces with the interval between them that the control API has set."""
    interval_s = core.control.state.answers.chunk_interval_s
    for piece in pieces:
        if interval_s:
            await asyncio.sleep(interval_s)
        yield piece


def hides_usage(request: Request) -> bool:
    """Whether a scripted fault leaves the token counts out of this answer."""
    rule = request.scope.get(SCOPE_KEY)
    return rule is not None and rule.kind == "no_usage"


def event_line(body: object) -> bytes:
    """A server-sent event of one JSON object."""
    return b"data: " + msgspec.json.encode(body) + b"\n\n"

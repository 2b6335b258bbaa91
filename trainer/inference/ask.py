"""Asks the engine, and paces its answer as the control API says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import cycle, islice

import msgspec
from starlette.requests import Request

from trainer.core import Core
from trainer.engines.answers import AnswerRefusedError, EngineAnswer, Prompt
from trainer.engines.base import Engine
from trainer.errors import bad_request
from trainer.faults.spoil import SCOPE_KEY
from trainer.web.lookup import ServedModel


async def ask(core: Core, served: ServedModel, prompt: Prompt, n: int = 1) -> list[EngineAnswer]:
    """The engine's answers, one for each choice; raises a 400 `ApiError` if it refuses."""
    behaviour = core.control.state.answers
    if behaviour.latency_s:
        await asyncio.sleep(behaviour.latency_s)
    answers = []
    for _ in range(n):
        answer = await _answer(core.engine, served, prompt)
        lengthens = behaviour.chunks is not None and not answer.calls
        answers.append(_lengthen(answer, behaviour.chunks or 0) if lengthens else answer)
    if not core.engine.answers_slowly:  # else they are counted while they are read
        core.answered["prompt"] += answers[0].prompt_tokens
        core.answered["completion"] += sum(answer.completion_tokens for answer in answers)
    return answers


async def _answer(engine: Engine, target: ServedModel, prompt: Prompt) -> EngineAnswer:
    try:
        if engine.answers_slowly:
            return await asyncio.to_thread(engine.answer, target.base, target.folder, prompt)
        return engine.answer(target.base, target.folder, prompt)
    except AnswerRefusedError as error:
        raise bad_request(error.message, error.param, error.code) from error


async def read(core: Core, answer: EngineAnswer) -> AsyncIterator[str]:
    """The pieces, with the interval between them that the control API has set."""
    if not core.engine.answers_slowly:
        for piece in answer.pieces:
            await pace(core)
            yield piece
        return
    pieces = iter(answer.pieces)
    while (found := await asyncio.to_thread(next, pieces, None)) is not None:
        yield found


async def pace(core: Core) -> None:
    """Wait for the interval between two pieces of a stream."""
    interval_s = core.control.state.answers.chunk_interval_s
    if interval_s:
        await asyncio.sleep(interval_s)


async def read_text(core: Core, answer: EngineAnswer) -> str:
    """All the pieces at once, without an interval."""
    if core.engine.answers_slowly:
        return await asyncio.to_thread("".join, answer.pieces)
    return "".join(answer.pieces)


def hides_usage(request: Request) -> bool:
    """Whether a scripted fault leaves the token counts out of this answer."""
    rule = request.scope.get(SCOPE_KEY)
    return rule is not None and rule.kind == "no_usage"


def event_line(body: object) -> bytes:
    """A server-sent event of one JSON object."""
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _lengthen(answer: EngineAnswer, chunks: int) -> EngineAnswer:
    pieces = list(answer.pieces)
    tokens = max(1, answer.completion_tokens * chunks // max(1, len(pieces)))
    return EngineAnswer(
        pieces=list(islice(cycle(pieces or ["."]), chunks)),
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=tokens,
        finish_reason=answer.finish_reason,
    )

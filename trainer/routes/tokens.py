"""`POST /fine_tuning/token_counts`: count training lines with a base's tokenizer. Not in OpenAI's API."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from trainer.engines.answers import AnswerRefusedError
from trainer.errors import bad_request
from trainer.state import state_of
from trainer.web.http import answer, read_json
from trainer.web.lookup import find_target

router = APIRouter()


class TokensRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Lines of a training file, parsed."""

    model: Annotated[str, Meta(min_length=1)]
    examples: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=10_000)]


@router.post("/fine_tuning/token_counts")
async def count(request: Request) -> Response:
    """Count each line's tokens, in order; 0 for an invalid line. `truncated` counts the cut ones.

    `problems` says which lines the model cannot be trained on, and why; lines count from 1.
    """
    core = state_of(request).core
    body = await read_json(request, TokensRequest)
    base = find_target(core, body.model).base
    try:
        counts = await asyncio.to_thread(core.engine.count_tokens, base, body.examples)
    except AnswerRefusedError as error:
        raise bad_request(error.message, error.param, error.code) from error
    problems = [{"line": n, "message": line.problem} for n, line in enumerate(counts, 1) if line.problem]
    return answer(
        {
            "object": "token_counts",
            "model": body.model,
            "data": [line.tokens for line in counts],
            "truncated": sum(line.is_cut for line in counts),
            "problems": problems,
        }
    )

"""The playground: one prompt, two models, their answers side by side. Answers are metered like any others."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.types import Message

from service.core.db import transaction
from service.gateway.callers import admit
from service.gateway.dialects.choices import CHAT
from service.gateway.gateway import PAYER, Gateway
from service.models.aliases.routes import list_aliases
from service.models.routes import every_model
from service.pages.forms import Posted
from service.pages.render import render
from service.teams.access import Caller, Inferer, Reader

router = APIRouter()  # a write that calls a provider must not hold a transaction, as `IdempotentRoute` would

_MOST_TOKENS = 512
_FIELDS = ("model", "other", "system", "prompt")


@dataclass(frozen=True)
class PlaygroundAnswer:
    """A model's answer, or why there is none."""

    model: str
    text: str
    error: str | None
    tokens: int | None
    took_ms: int


@router.get("/playground")
def playground(request: Request, caller: Reader) -> Response:
    """Show the form."""
    values = {name: request.query_params.get(name, "") for name in _FIELDS}
    return _page(request, caller, values, [])


@router.post("/playground")
async def answer(request: Request, form: Posted, caller: Inferer) -> Response:
    """Ask both models at once."""
    values = {name: form.get(name, "") for name in _FIELDS}
    models = [values[name] for name in ("model", "other") if values[name]]
    payer = await run_in_threadpool(admit, caller)
    gateway: Gateway = request.state.gateway
    scope = {**request.scope, "headers": [], "state": {**request.scope["state"], PAYER: payer}}
    answers = await asyncio.gather(*(_ask(gateway, scope, name, values) for name in models))
    return await run_in_threadpool(_page, request, caller, values, list(answers))


async def _ask(
    gateway: Gateway, scope: dict[str, Any], model: str, values: dict[str, str]
) -> PlaygroundAnswer:
    messages = [{"role": "system", "content": values["system"]}] if values["system"] else []
    messages.append({"role": "user", "content": values["prompt"]})
    body = json.dumps({"model": model, "messages": messages, "max_completion_tokens": _MOST_TOKENS}).encode()
    parts: list[bytes] = []
    is_sent = False

    async def receive() -> Message:
        nonlocal is_sent
        if is_sent:
            await asyncio.Event().wait()  # the browser stays until it has its page
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message.get("body", b""))

    started = time.perf_counter()
    await gateway.serve(CHAT, scope, receive, send)
    took_ms = round((time.perf_counter() - started) * 1000)
    return _read(model, b"".join(parts), took_ms)


def _read(model: str, answer: bytes, took_ms: int) -> PlaygroundAnswer:
    found = json.loads(answer)
    if "error" in found:
        return PlaygroundAnswer(model, "", str(found["error"].get("message")), None, took_ms)
    text = found["choices"][0]["message"].get("content") or ""
    return PlaygroundAnswer(model, text, None, found.get("usage", {}).get("total_tokens"), took_ms)


def _page(
    request: Request, caller: Caller, values: dict[str, str], answers: list[PlaygroundAnswer]
) -> Response:
    with transaction() as session:
        aliases = [alias.name for alias in list_aliases(session, caller).data]
        models = [model.id for model in every_model(session, caller)]
    return render(
        request,
        "playground.html",
        filled=values,
        answers=answers,
        choices=list(dict.fromkeys([*aliases, *models])),
    )

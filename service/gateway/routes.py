"""The inference routes: declared here for OpenAPI, served by `serve` as plain ASGI."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from service.gateway.answers import ChatChunkOut, ChatOut, CompletionOut, ResponseEventOut, ResponseOut
from service.gateway.dialects.base import Dialect
from service.gateway.dialects.choices import CHAT, COMPLETIONS
from service.gateway.dialects.responses import RESPONSES
from service.gateway.gateway import Gateway
from service.gateway.schemas import ChatIn, CompletionIn, ResponseIn
from service.settings import settings
from service.teams.access import Inferer

_DIALECTS: dict[str, Dialect] = {f"/v1{dialect.path}": dialect for dialect in (CHAT, COMPLETIONS, RESPONSES)}
PATHS = frozenset(_DIALECTS)
_STATE = "gateway"
_GC_YOUNG = 10_000


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Gateway]]:
    """Run one gateway while the application runs."""
    gateway = Gateway(settings(), app.state.in_flight)
    gateway.start()
    app.state.drain.on_cut(gateway.cut)
    # Objects loaded by now live as long as the process; scanning them would stall all streams for 50 ms.
    gc.collect()
    gc.freeze()
    # Collect rarely: the default thresholds collect five times a second, 7 ms each (3 % of a core).
    gc.set_threshold(_GC_YOUNG, 20, 50)
    try:
        yield {_STATE: gateway}
    finally:
        await gateway.stop()


def is_for_gateway(scope: Scope) -> bool:
    """Whether `serve` answers this request."""
    return scope["type"] == "http" and scope["path"] in _DIALECTS and scope["method"] == "POST"


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an inference request."""
    gateway: Gateway = scope["state"][_STATE]
    await gateway.serve(_DIALECTS[scope["path"]], scope, receive, send)


router = APIRouter(prefix="/v1", tags=["inference"], lifespan=lifespan)


def _answers(whole: type[BaseModel], event: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a route that answers with `whole`, or with a stream of `event`."""
    stream = {"schema": {"$ref": f"#/components/schemas/{event.__name__}"}}
    return {
        "response_model": None,
        "responses": {
            200: {
                "description": "The answer; server-sent events if `stream` is true.",
                "model": whole,
                "content": {"text/event-stream": stream},
            }
        },
    }


@router.post("/chat/completions", **_answers(ChatOut, ChatChunkOut))
def create_chat_completion(_: Inferer, body: ChatIn) -> None:
    """Continue a chat. The answer is metered, and charged to the team's budget."""


@router.post("/completions", **_answers(CompletionOut, CompletionOut))
def create_completion(_: Inferer, body: CompletionIn) -> None:
    """Continue a text, with OpenAI's legacy API."""


@router.post("/responses", **_answers(ResponseOut, ResponseEventOut))
def create_response(_: Inferer, body: ResponseIn) -> None:
    """Answer an input, with OpenAI's Responses API. The provider stores nothing."""

"""The inference routes: declared here for OpenAPI, served by `serve` as plain ASGI."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from service.catalog.offers import offers
from service.gateway.dialects.base import Dialect
from service.gateway.dialects.choices import CHAT, COMPLETIONS
from service.gateway.dialects.responses import RESPONSES
from service.gateway.gateway import Gateway
from service.gateway.metering import usage
from service.settings import settings
from service.teams.access import Inferer

_DIALECTS: dict[str, Dialect] = {f"/v1{dialect.path}": dialect for dialect in (CHAT, COMPLETIONS, RESPONSES)}
_STATE = "gateway"
_GC_YOUNG = 10_000


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Gateway]]:
    """Run one gateway while the application runs."""
    usage.load_encodings(offer.model.encoding for offer in offers())
    gateway = Gateway(settings())
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

_Tokens = Annotated[int, Field(ge=1, le=10_000_000)]


class _Use(BaseModel):
    """The fields that the documentation names; the gateway reads the body itself."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="A base model, tuned model, checkpoint or alias.")
    stream: bool | None = None


class ChatIn(_Use):
    """A chat to be continued; see OpenAI's reference for all fields."""

    messages: list[dict[str, Any]]
    max_completion_tokens: _Tokens | None = None


class CompletionIn(_Use):
    """A text to be continued."""

    prompt: str | list[str]
    max_tokens: _Tokens | None = None


class ResponseIn(_Use):
    """An input to be answered; state kept at the provider (`previous_response_id`, …) is refused."""

    input: str | list[dict[str, Any]]
    max_output_tokens: _Tokens | None = None


_ANSWER: dict[str, Any] = {
    "response_model": None,
    "responses": {
        200: {
            "description": "The provider's answer, in Tunehouse's names; events when `stream` is true.",
            "content": {"application/json": {}, "text/event-stream": {}},
        }
    },
}


@router.post("/chat/completions", **_ANSWER)
def create_chat_completion(_: Inferer, body: ChatIn) -> None:
    """Continue a chat, in one answer or as a stream of events; metered, and charged to the team's budget."""


@router.post("/completions", **_ANSWER)
def create_completion(_: Inferer, body: CompletionIn) -> None:
    """Continue a text, the legacy way; metered like a chat."""


@router.post("/responses", **_ANSWER)
def create_response(_: Inferer, body: ResponseIn) -> None:
    """Answer an input in OpenAI's newer form; metered like a chat, and nothing is stored."""

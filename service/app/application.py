"""FastAPI with two changes: inference requests pass it by, and the OpenAPI document is ours."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app.openapi.document import build
from service.gateway.routes import is_for_gateway


class Application(FastAPI):
    """FastAPI for every route except the gateway's.

    `inference` serves those, because FastAPI's overhead per request exceeds the gateway's own.
    """

    inference: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if is_for_gateway(scope):
            await self.inference(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, built once."""
        if not self.openapi_schema:
            self.openapi_schema = build(self)
        return self.openapi_schema

"""FastAPI with two changes: requests for inference and pages pass it by, and the OpenAPI document is ours."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app.openapi.document import build
from service.core import tracing
from service.gateway.routes import is_for_gateway

# FastAPI traces by itself where OpenTelemetry is installed. `service.core.tracing` does it instead, for all
# routes, and only if the settings say so.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class Application(FastAPI):
    """FastAPI for the routes of the API.

    `inference` serves the gateway's, because FastAPI's overhead per request exceeds the gateway's own.
    `pages` serves the paths that `is_page` names, for people with a session instead of a key.
    """

    inference: ASGIApp
    pages: ASGIApp
    is_page: Callable[[str], bool] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._traced(scope, receive, send)

    @cached_property
    def _traced(self) -> ASGIApp:
        return tracing.traced(self._answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_for_gateway(scope):
            await self.inference(scope, receive, send)
        elif self.is_page is not None and scope["type"] == "http" and self.is_page(scope["path"]):
            await self.pages({**scope, "app": self}, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, built once."""
        if not self.openapi_schema:
            self.openapi_schema = build(self)
        return self.openapi_schema

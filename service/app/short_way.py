"""The way of requests for model output: past the framework, whose layers cost more than the gateway does."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from service.gateway.routes import is_for_gateway


class Application(FastAPI):
    """FastAPI for everything but the gateway's requests, which `models` answers."""

    models: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if is_for_gateway(scope):
            await self.models(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

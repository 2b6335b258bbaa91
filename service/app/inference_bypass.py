"""Serve inference requests without FastAPI, whose per-request overhead exceeds the gateway's own."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from service.gateway.routes import is_for_gateway


class Application(FastAPI):
    """FastAPI for every route except the gateway's, which `inference` serves."""

    inference: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if is_for_gateway(scope):
            await self.inference(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

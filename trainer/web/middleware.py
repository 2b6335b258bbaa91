"""The middleware of every request: id and headers, counting, authentication, scripted faults."""

from __future__ import annotations

import hmac
import secrets
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainer.errors import ApiError
from trainer.faults.spoil import spoil
from trainer.state import TrainerState

_RATE_HEADERS = [
    (b"openai-version", b"2020-10-01"),
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-reset-requests", b"6ms"),
    (b"x-ratelimit-limit-tokens", b"10000000"),
    (b"x-ratelimit-remaining-tokens", b"9999999"),
    (b"x-ratelimit-reset-tokens", b"1ms"),
]
OPEN_PATHS = frozenset({"/healthz"})


class Gate:
    """The outermost layer; everything but `/healthz` needs the key, faults never touch `/control`."""

    def __init__(self, app: ASGIApp, state: TrainerState) -> None:
        self._app = app
        self._state = state
        self._organization = (state.core.dialect.organization or "").encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one HTTP request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = "req_" + secrets.token_hex(16)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                spent_ms = int((time.perf_counter() - started) * 1000)
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                    (b"openai-processing-ms", str(spent_ms).encode()),
                    (b"openai-organization", self._organization),
                    *_RATE_HEADERS,
                ]
            await send(message)

        await self._handle(scope, receive, send_with_headers)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        refusal = self._check_key(Headers(scope=scope))
        if path.startswith("/control") or refusal:
            target = refusal.response() if refusal else self._app
            await target(scope, receive, send)
            return
        if self._state.core.settings.control:
            self._state.requests[f"{scope['method']} {path}"] += 1
        rule = self._state.faults.take(scope["method"], path)
        self._state.running += 1
        try:
            if rule is None:
                await self._app(scope, receive, send)
            else:
                await spoil(rule, self._app, scope, receive, send)
        finally:
            self._state.running -= 1

    def _check_key(self, headers: Headers) -> ApiError | None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            key = headers.get("api-key", "") if self._state.core.dialect.name == "azure" else ""
        if not key:
            message = "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'."
            return ApiError(401, message)
        if not hmac.compare_digest(key.encode(), self._state.core.settings.api_key.encode()):
            return ApiError(401, "Incorrect API key provided.", code="invalid_api_key")
        return None

"""ASGI layers around every request: its id and log line, its body's limit."""

import re
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app.errors import answer
from service.core.ids import random_text
from service.core.logs import LineLog
from service.errors import InvalidRequest, TooLarge, TunehouseError

log = structlog.get_logger("service.access")
access = LineLog("service.access")

_CLIENT_ID = re.compile(rb"[\x21-\x7e]{1,512}")


class RequestIds:
    """Give each request an id, answer it as `x-request-id`, and log one line when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = f"req_{random_text(24)}"
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status, begun = 500, False

        async def with_id(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"openai-version", b"2020-10-01"),
                    (b"openai-processing-ms", b"%d" % round((time.perf_counter() - started) * 1000)),
                ]
            await send(message)

        try:
            await self.app(scope, receive, with_id)
        except Exception:
            # Whatever no handler knew is our bug: tell the caller in the one shape, and the log the rest.
            log.exception("unexpected_failure", path=scope["path"])
            if not begun:
                await answer(TunehouseError())(scope, receive, with_id)
        finally:
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "client_request_id": _client_id(scope),
            }
            access.info("request", fields)


def _client_id(scope: Scope) -> str | None:
    sent = _header(scope, b"x-client-request-id")
    return sent.decode() if sent and _CLIENT_ID.fullmatch(sent) else None


def _header(scope: Scope, name: bytes) -> bytes | None:
    found: bytes | None
    for given, found in scope["headers"]:
        if given == name:
            return found
    return None


class BodyLimit:
    """Refuse a body over the limit: unread when its length is declared, else at the byte that crosses."""

    def __init__(self, app: ASGIApp, *, default_bytes: int, larger: dict[str, int]) -> None:
        """`larger` maps a regular expression for whole paths to the limit that applies there."""
        self.app = app
        self.default_bytes = default_bytes
        self.larger = [(re.compile(pattern), limit) for pattern, limit in larger.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        refusal = _refusal(_header(scope, b"content-length") or b"0", limit)
        if refusal is not None:
            await answer(refusal)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
            return message

        await self.app(scope, counted, send)

    def _limit(self, path: str) -> int:
        return next((limit for pattern, limit in self.larger if pattern.fullmatch(path)), self.default_bytes)


def _refusal(declared: bytes, limit: int) -> TunehouseError | None:
    if not declared.isdigit():
        return InvalidRequest("The Content-Length header is not a number.", param="content-length")
    return _too_large(limit) if int(declared) > limit else None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {limit} bytes this route takes.")

"""ASGI middleware for every request: its id, its access log line, security headers, and HEAD."""

import re
import time

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app.errors import DATABASE_AWAY, answer, database_away
from service.core import tracing
from service.core.ids import random_text
from service.core.logs import LineLog
from service.core.metrics import measures
from service.errors import TunehouseError

log = structlog.get_logger("service.access")
access = LineLog("service.access")
ROUTE = "route_template"  # in a request's state, which all copies of its scope share

# Browsers must not run or frame responses; a page that needs more sets its own policy.
_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
# A body is handed over in pieces, each once the client has read most of the one before. So a request stays in
# flight, and is counted as such, until its client has read the answer.
_PIECE_BYTES = 64 * 1024
_CLIENT_ID = re.compile(rb"[\x21-\x7e]{1,512}")


class RequestIds:
    """Give each request an id, return it as `x-request-id`, and log and count it when it ends.

    Metrics count by the route that `note_route` found, or by path if `paths_are_routes`.
    """

    def __init__(self, app: ASGIApp, *, paths_are_routes: bool = False) -> None:
        self.app = app
        self._paths_are_routes = paths_are_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = f"req_{random_text(24)}"
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status, begun = 500, False

        async def with_id(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                headers = message.get("headers", ())
                message["headers"] = [
                    *headers,
                    *(() if _CSP[0] in dict(headers) else (_CSP,)),
                    _NO_SNIFFING,
                    (b"x-request-id", request_id.encode()),
                    (b"openai-version", b"2020-10-01"),
                    (b"openai-processing-ms", b"%d" % round((time.perf_counter() - started) * 1000)),
                ]
            await _send_in_pieces(message, send)

        try:
            await self.app(scope, receive, with_id)
        except DATABASE_AWAY as failure:  # met outside of FastAPI: by the door, or by the audit log
            unavailable = answer(database_away(failure))
            if not begun:
                await unavailable(scope, receive, with_id)
        except Exception:
            # An exception without a handler is a bug: the caller gets a plain 500, the log the traceback.
            log.exception("unexpected_failure", path=scope["path"])
            if not begun:
                await answer(TunehouseError())(scope, receive, with_id)
        finally:
            route = scope["path"] if self._paths_are_routes else state.get(ROUTE, "none")
            tracing.name_request(scope["method"], route)
            measures.request_answered(route, scope["method"], status, time.perf_counter() - started)
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "client_request_id": _client_id(scope),
            }
            access.info("request", fields)


async def _send_in_pieces(message: Message, send: Send) -> None:
    body = message.get("body", b"")
    if len(body) > _PIECE_BYTES:
        *starts, last = range(0, len(body), _PIECE_BYTES)
        view = memoryview(body)
        for start in starts:
            piece = view[start : start + _PIECE_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        message = {**message, "body": view[last:]}
    await send(message)


async def note_route(request: Request) -> None:
    """Keep the template of the request's path, by which metrics count; none if no route matched."""
    request.scope["state"][ROUTE] = request.scope["route"].path_format


def _client_id(scope: Scope) -> str | None:
    sent = dict(scope["headers"]).get(b"x-client-request-id")
    return sent.decode() if sent and _CLIENT_ID.fullmatch(sent) else None


class HeadAsGet:
    """Answer HEAD like GET, without the body. Ending after the headers also stops an event stream."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def head_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app({**scope, "method": "GET"}, receive, head_only)

"""Applies a fault to a request."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainer.errors import ApiError
from trainer.faults.rules import Rule

SCOPE_KEY = "tunehouse.fault"
ABORT_KEY = "tunehouse.abort"
CLOSE_KEY = "tunehouse.close"


async def spoil(rule: Rule, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the app under the rule; the kinds that only change a body are left to the routes."""
    if rule.delay_s and rule.kind != "answer_late":
        await asyncio.sleep(rule.delay_s)
    if rule.kind == "status":
        await _response(rule)(scope, receive, send)
    elif rule.kind == "drop_before":
        await _abort(scope, receive)
    elif rule.kind == "drop_after":
        await app(scope, receive, _swallow)
        await _abort(scope, receive)
    elif rule.kind == "answer_late":
        await app(scope, receive, _Late(rule.delay_s, send))
    elif rule.kind in ("cut_stream", "garbage_chunk"):
        spoiler = _StreamSpoiler(rule, scope, send)
        await app(scope, receive, spoiler)
        if spoiler.is_cut:
            await _wait_for_end(receive)
    else:
        scope[SCOPE_KEY] = rule
        await app(scope, receive, send)


def _response(rule: Rule) -> Response:
    if rule.body is None:
        error = ApiError(
            rule.status, rule.message, param=rule.param, code=rule.code, kind=rule.type, headers=rule.headers
        )
        return error.response()
    if isinstance(rule.body, str):
        return Response(rule.body, rule.status, headers=rule.headers)
    return Response(
        msgspec.json.encode(rule.body), rule.status, headers=rule.headers, media_type="application/json"
    )


class _Late:
    """Delays an answer after the work is done."""

    def __init__(self, delay_s: float, send: Send) -> None:
        self._delay_s = delay_s
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Pass a message on, the first one late."""
        delay_s, self._delay_s = self._delay_s, 0.0
        await asyncio.sleep(delay_s)
        await self._send(message)


async def _swallow(message: Message) -> None:
    """Discard the application's answer."""


async def _abort(scope: Scope, receive: Receive) -> None:
    scope[ABORT_KEY]()
    await _wait_for_end(receive)


async def _wait_for_end(receive: Receive) -> None:
    """Wait until the server has noticed the end, or it would complain of a missing answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _StreamSpoiler:
    """Counts the pieces of a body and spoils it after so many."""

    def __init__(self, rule: Rule, scope: Scope, send: Send) -> None:
        self._rule = rule
        self._scope = scope
        self._send = send
        self._seen = 0
        self.is_cut = False

    async def __call__(self, message: Message) -> None:
        """Pass a message on, or not."""
        if self.is_cut:
            return
        if message["type"] == "http.response.body" and message.get("body"):
            if self._seen == self._rule.chunks:
                await self._act(message)
            self._seen += 1
        if not self.is_cut:
            await self._send(message)

    async def _act(self, message: Message) -> None:
        if self._rule.kind == "cut_stream":
            self.is_cut = True
            self._scope[CLOSE_KEY]()  # a reset would take the pieces before it along
        else:
            message["body"] = self._rule.garbage.encode() + message["body"]

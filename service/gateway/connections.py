"""The gateway's pool of connections to providers, which holds every answer to `service.providers.bounds`."""

import asyncio
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from service.providers.bounds import INFERENCE, MAX_INTERIM_ANSWERS, REFUSAL, AnswerRefused, Bound


def open_session() -> aiohttp.ClientSession:
    """A pool without a limit of its own; only within the event loop that will use it."""
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=30)
    # aiohttp has no setting for this; a test goes red when the name changes.
    connector._factory = cast("partial[ResponseHandler]", partial(_Handler, loop=asyncio.get_running_loop()))
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
        auto_decompress=False,
    )


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """The body of a whole answer. Raises `AnswerRefused` when it is larger than an answer may be."""
    body = await _read(response, INFERENCE)
    INFERENCE.check(body)
    return body


async def read_refusal(response: aiohttp.ClientResponse) -> bytes:
    """The body of an error, empty where it is larger than an error may be."""
    try:
        body = await _read(response, REFUSAL)
        REFUSAL.check(body)
    except AnswerRefused:
        return b""
    return body


async def _read(response: aiohttp.ClientResponse, bound: Bound) -> bytes:
    bound.check_size(response.content_length or 0)
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        bound.check_size(len(body))
    return bytes(body)


class _Handler(ResponseHandler):
    """Ends a connection that sends informational answers without end: each costs memory and time."""

    _interim = 0

    def feed_data(self, data: Any, size: int = 0) -> None:
        message, _ = data
        self._interim = self._interim + 1 if 100 <= message.code < 200 else 0
        if self._interim > MAX_INTERIM_ANSWERS:
            self.close()
            self.set_exception(aiohttp.ClientPayloadError("too many informational answers"))
            return
        super().feed_data(data, size)

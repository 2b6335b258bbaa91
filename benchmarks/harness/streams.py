"""Reads many concurrent streams with plain sockets on uvloop."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

_LONGEST_S = 300.0


@dataclass
class Stream:
    """The times of the request and each event, in monotonic seconds; `is_whole` after `[DONE]`."""

    sent_at: float = 0.0
    events_at: list[float] = field(default_factory=list)
    is_whole: bool = False

    @property
    def first_s(self) -> float:
        """Time to the first event."""
        return self.events_at[0] - self.sent_at

    @property
    def longest_gap_s(self) -> float:
        """The longest pause between two events."""
        return max(later - sooner for sooner, later in zip(self.events_at, self.events_at[1:], strict=False))


class _Reader(asyncio.Protocol):
    def __init__(self, request: bytes, stream: Stream) -> None:
        self._request = request
        self._stream = stream
        self._tail = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._stream.sent_at = time.monotonic()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        text = self._tail + data
        self._stream.events_at += [now] * (text.count(b'"object"') - self._tail.count(b'"object"'))
        self._tail = text[-16:]
        if b"[DONE]" in text:
            self._stream.is_whole = True
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def read(url: str, key: str, model: str, streams: int, spread_s: float = 0.0) -> list[Stream]:
    """Open this many streams, evenly over `spread_s` seconds, and read each to its end."""
    return uvloop.run(_read(url, key, model, streams, spread_s))


async def _read(url: str, key: str, model: str, streams: int, spread_s: float) -> list[Stream]:
    parts = urlsplit(url)
    # Written without spaces, as the upstream looks for it.
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": "Go on."}],
            "stream": True,
            "max_tokens": 50,
        },
        separators=(",", ":"),
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    request, results = head.encode() + body, [Stream() for _ in range(streams)]
    loop, ends = asyncio.get_running_loop(), []
    for result in results:
        _, reader = await loop.create_connection(
            lambda result=result: _Reader(request, result), parts.hostname, parts.port
        )
        ends.append(reader.ended)
        await asyncio.sleep(spread_s / streams)
    await asyncio.wait_for(asyncio.gather(*ends), _LONGEST_S)
    return results

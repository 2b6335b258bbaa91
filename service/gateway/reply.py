"""Write the answer to the caller: status, headers and body, whole or in pieces, or an error."""

import time

import msgspec
from starlette.types import Send

from service.errors import TunehouseError

Headers = list[tuple[bytes, bytes]]
# Of answers to a model of another provider's that the sandbox only simulates.
STANDS_IN = (b"x-tunehouse-stand-in", b"sandbox")


class Reply:
    """One answer over ASGI; `upstream_s` is the time that the provider took."""

    def __init__(self, send: Send, started: float) -> None:
        self.headers: Headers = []
        self.upstream_s = 0.0
        self.has_begun = False
        self.status = 0
        self.ours_s = 0.0
        self._send = send
        self._started = started

    async def whole(self, body: bytes, status: int = 200, headers: Headers | None = None) -> None:
        """Send a whole answer."""
        length = (b"content-length", b"%d" % len(body))
        await self._begin(status, [(b"content-type", b"application/json"), length, *(headers or [])])
        await self._send({"type": "http.response.body", "body": body})

    async def piece(self, data: bytes) -> None:
        """Send a part of an event stream; return once the connection has taken it."""
        if not self.has_begun:
            await self._begin(
                200,
                [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-cache"),
                    # nginx would otherwise collect the stream before it passes it on.
                    (b"x-accel-buffering", b"no"),
                ],
            )
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last part of a stream."""
        await self.piece(data)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, error: TunehouseError) -> None:
        """Send an error instead of an answer."""
        headers = [(name.encode(), value.encode("latin-1")) for name, value in error.headers().items()]
        await self.whole(msgspec.json.encode({"error": error.as_wire()}), error.status, headers)

    async def _begin(self, status: int, headers: Headers) -> None:
        self.has_begun = True
        self.status = status
        self.ours_s = time.perf_counter() - self._started - self.upstream_s
        overhead = (b"x-tunehouse-overhead-ms", f"{self.ours_s * 1000:.2f}".encode())
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, overhead, *self.headers]}
        )

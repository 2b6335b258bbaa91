"""Outbound connections with bounds on the time of a whole call and on the size of a response's head.

HTTP clients apply their timeouts to each wait separately, so a peer that sends a byte now and then keeps a
call open for ever. HTTP also allows any number of informational responses (1xx) before the final one, and h11
parses them all.
"""

from ssl import SSLContext
from typing import Any, Protocol

import httpcore2

MAX_HEAD_BYTES = 256 * 1024  # of everything before the body; one read may bring 64 KiB of the body along


class TimeLeft(Protocol):
    """Returns how long a wait may take, at most `timeout`. Raises `too_late` once the call's time is over."""

    def __call__(self, timeout: float | None, too_late: type[httpcore2.TimeoutException]) -> float | None: ...


class BoundedStream(httpcore2.NetworkStream):
    """A stream that limits each wait to `time_left`, and counts what it reads until `begin_body`."""

    def __init__(self, stream: httpcore2.NetworkStream, time_left: TimeLeft) -> None:
        self._stream = stream
        self._time_left = time_left
        self._head_bytes: int | None = 0

    def begin_body(self) -> None:
        """Stop counting: the head is complete, and the reader limits the body."""
        self._head_bytes = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._time_left(timeout, httpcore2.ReadTimeout))
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise httpcore2.RemoteProtocolError(
                    f"the head of the response is larger than {MAX_HEAD_BYTES} bytes"
                )
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head_bytes = 0  # a request is being sent, so a new head follows
        self._stream.write(buffer, self._time_left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "BoundedStream":
        left = self._time_left(timeout, httpcore2.ConnectTimeout)
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._time_left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

"""A bound on a whole call to a provider, from connecting to the last byte of its answer.

The timeouts of httpx2 bound each wait by itself: a peer that sends a byte now and then is read for ever, and
the call outlives the lease of the step that made it. Here every wait of a call ends at one moment, kept per
thread, because connections are kept and used for many calls.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

_ends_at: ContextVar[float | None] = ContextVar("provider_call_ends_at", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what is asked of a provider inside end after `seconds`, or sooner where that was said before."""
    ends_at, outer = time.monotonic() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


def bound(client: httpx2.Client) -> None:
    """Let every connection of a client keep to `within`, those through proxies of the environment too."""
    # Neither httpx2 nor the SDK has a place to say this; `test_deadline` goes red when these names change.
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx2.HTTPTransport):
            transport._pool._network_backend = _Bounded(transport._pool._network_backend)


def _left(timeout: float | None, too_late: type[httpcore2.TimeoutException]) -> float | None:
    ends_at = _ends_at.get()
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise too_late("the call took too long")
    return left if timeout is None else min(timeout, left)


class _Bounded(httpcore2.NetworkBackend):
    def __init__(self, plain: httpcore2.NetworkBackend) -> None:
        self._plain = plain

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _BoundedStream(self._plain.connect_tcp(host, port, left, local_address, socket_options))


class _BoundedStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

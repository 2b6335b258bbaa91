"""One call to a provider: its total time, and the size and encoding of its answer.

`bounded_client` makes the HTTP client that keeps to both. The time is kept per thread, because connections
are kept and used for many calls.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from service.core.http.addresses import Network
from service.core.http.guarded import GuardedBackend
from service.core.http.outbound import BoundedStream
from service.core.metrics import measures
from service.providers.bounds import OBJECT, REFUSAL, AnswerRefused, Bound, check_encoding

# Each piece of a body costs the parser as much time as a kilobyte does.
_FREE_PIECES = 10_000
_LEAST_PIECE_BYTES = 64
_SLOWEST_BYTES_PER_S = 256 * 1024  # of an upload


@dataclass(frozen=True)
class _Call:
    ends_at: float
    answer: Bound


_call: ContextVar[_Call | None] = ContextVar("provider_call", default=None)


@contextmanager
def within(seconds: float, answer: Bound = OBJECT) -> Iterator[None]:
    """Let each call inside end after `seconds`, or sooner if an outer block says so; bound its answer."""
    ends_at, outer = time.monotonic() + seconds, _call.get()
    token = _call.set(_Call(min(ends_at, outer.ends_at) if outer else ends_at, answer))
    try:
        yield
    finally:
        _call.reset(token)


def seconds_to_send(timeout_s: float, size_bytes: int) -> float:
    """The seconds that a call may take which sends so many bytes."""
    return timeout_s + size_bytes / _SLOWEST_BYTES_PER_S


def bounded_client(
    timeout: httpx2.Timeout, provider: str, *, guarded_by: Sequence[Network] | None = None
) -> httpx2.Client:
    """A client for the SDK whose calls keep to `within`, also through the environment's proxies.

    With `guarded_by`, it connects to public addresses and to these networks alone. A proxy of the environment
    decides by rules of its own.
    """
    from openai import DefaultHttpxClient

    class CountedClient(DefaultHttpxClient):
        """Counts each call."""

        def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            started, outcome = time.perf_counter(), "failed"
            try:
                response = super().send(request, **options)
                outcome = str(response.status_code)
            except httpx2.HTTPError as failure:
                outcome = type(failure).__name__
                raise
            finally:
                measures.provider_called(provider, outcome, time.perf_counter() - started)
            return response

    client = CountedClient(
        timeout=timeout,
        # A followed redirect could send a paid request, or a dataset, somewhere that nobody configured.
        follow_redirects=False,
        event_hooks={"request": [_ask_for_plain], "response": [_bound_answer]},
    )
    # Neither httpx2 nor the SDK has a setting for this; `test_calls` goes red when these names change.
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx2.HTTPTransport):
            transport._pool._network_backend = _Bounded(transport._pool._network_backend)
    if guarded_by is not None:
        assert isinstance(client._transport, httpx2.HTTPTransport)  # noqa: S101 - a direct one
        client._transport._pool._network_backend = GuardedBackend(guarded_by, _time_left, public=True)
    return client


def _ask_for_plain(request: httpx2.Request) -> None:
    request.headers["Accept-Encoding"] = "identity"


def _bound_answer(response: httpx2.Response) -> None:
    """Refuse a compressed answer, and let the body be read up to its bound; runs before a byte of it is."""
    stream = response.extensions.get("network_stream")
    if isinstance(stream, BoundedStream):
        stream.begin_body()
    check_encoding(response.headers)
    call = _call.get()
    bound = REFUSAL if response.is_error else call.answer if call else OBJECT
    assert isinstance(response.stream, httpx2.SyncByteStream)  # noqa: S101 - a client without async
    response.stream = _BoundedBody(response.stream, bound)


class _BoundedBody(httpx2.SyncByteStream):
    def __init__(self, plain: httpx2.SyncByteStream, bound: Bound) -> None:
        self._plain = plain
        self._bound = bound

    def __iter__(self) -> Iterator[bytes]:
        size_bytes = 0
        for pieces, piece in enumerate(self._plain):
            size_bytes += len(piece)
            self._bound.check_size(size_bytes)
            if pieces > _FREE_PIECES and size_bytes < pieces * _LEAST_PIECE_BYTES:
                raise AnswerRefused("The provider's answer comes in too many tiny pieces.")
            yield piece

    def close(self) -> None:
        self._plain.close()


def _time_left(timeout: float | None, too_late: type[httpcore2.TimeoutException]) -> float | None:
    call = _call.get()
    if call is None:
        return timeout
    left = call.ends_at - time.monotonic()
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
        left = _time_left(timeout, httpcore2.ConnectTimeout)
        return BoundedStream(
            self._plain.connect_tcp(host, port, left, local_address, socket_options), _time_left
        )

"""uvicorn's HTTP protocol with bounds on headers (size, number, arrival) and on answers that are not read.

It also ignores `Upgrade`. The JDK's HttpClient offers h2c on every plain-text request. The parser assumes
that a request with an upgrade has no body, and would parse the body as the next request.
"""

import asyncio
import struct
from abc import abstractmethod
from asyncio import AbstractEventLoop, TimerHandle
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

# How long to read and drop a refused client's bytes; closing at once could discard the response in transit.
_LINGER_S = 2.0
_HEADER_OVERHEAD_BYTES = 4  # colon, space and line end
_RESET = struct.pack("ii", 1, 0)  # closing resets the connection: linger is on, for 0 s
_UPGRADE = (b"upgrade", b"http2-settings")


@dataclass(frozen=True)
class ConnectionBounds:
    """What the headers of one request may take, the request line included, and how long an answer may wait.

    A client that reads less than about 48 KiB of a waiting answer within `unread_timeout_s` is cut off.
    """

    size_bytes: int
    headers: int
    timeout_s: float
    unread_timeout_s: float


class Refused(Exception):
    """A request that never reaches the application: the status and code of its error, and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A subclass sets the bounds and writes refusals in its error format."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bounds = self.bounds()
        self._timer: TimerHandle | None = None
        self._unread_timer: TimerHandle | None = None
        self._header_count = 0
        self._header_bytes = 0
        self._other_bytes = 0  # received for this request in reads without any body data
        self._is_in_head = False
        self._is_in_message = False
        self._has_body_data = False
        self._is_dropping = False

    @abstractmethod
    def bounds(self) -> ConnectionBounds:
        """The bounds of this connection's requests."""

    @abstractmethod
    def rendered(self, refused: Refused) -> bytes:
        """The complete HTTP/1.1 response to a refused request, which closes the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeouts."""
        self._disarm()
        self._disarm_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timeout for a client that does not read: the transport holds 64 KiB for it."""
        super().pause_writing()
        self._arm_unread()

    def resume_writing(self) -> None:
        """Stop that timeout: the client has read all but 16 KiB."""
        self._disarm_unread()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and refuse the request if they break a bound."""
        if self._is_dropping:
            return
        self._unset_keepalive_if_required()
        if not self._is_in_message and self._timer is None:
            self._arm()
        self._has_body_data = False
        try:
            self.parser.feed_data(data)
            if self._is_in_message and not self._has_body_data:
                self._count_other(len(data))
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except Refused as refused:
            self._refuse(refused)
        except httptools.HttpParserError as malformed:
            cause = malformed.__context__
            self._refuse(cause if isinstance(cause, Refused) else _malformed())

    def on_message_begin(self) -> None:
        """Reset the counters for a new request."""
        super().on_message_begin()
        self._header_count = self._header_bytes = self._other_bytes = 0
        self._is_in_head = self._is_in_message = True

    def on_url(self, url: bytes) -> None:
        """Count a part of the request target."""
        self._header_bytes += len(url)
        if self._header_bytes > self._bounds.size_bytes:
            raise self._too_large()
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header. Trailers, which follow a chunked body, are counted and dropped."""
        self._header_count += 1
        self._header_bytes += len(name) + len(value) + _HEADER_OVERHEAD_BYTES
        if self._header_bytes > self._bounds.size_bytes:
            raise self._too_large()
        if self._header_count > self._bounds.headers:
            message = f"The request has more than {self._bounds.headers} headers, the maximum."
            raise Refused(431, "headers_too_large", message)
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the application, unless the request offers an upgrade (see `_go_on_without_upgrade`)."""
        self._is_in_head = False
        if not self.parser.should_upgrade():
            if self.parser.get_http_version() == "1.1" and all(name != b"host" for name, _ in self.headers):
                raise _malformed("An HTTP/1.1 request needs the header Host. Send it.")
            self._disarm()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body."""
        self._has_body_data = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Finish a request, and start the timeout for the next one if this one is answered already."""
        self._is_in_message = False
        if self.parser.should_upgrade():
            return
        if self.cycle.response_complete:
            self._arm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """After a response to an incomplete request, allow only a short time for the rest of its body."""
        super().on_response_complete()
        # The rest of the answer is in the transport. Closing a transport waits until that is read.
        if self.transport.get_write_buffer_size():
            self._arm_unread()
        if self._is_in_message and not self._is_in_head:
            self._arm(_LINGER_S)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that uvicorn finds malformed."""
        self._refuse(_malformed())

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Parse the request again without the upgrade headers, then `rest`, which is its body."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(_malformed("CONNECT is not supported: this server is not a proxy."))
            return
        lines = [b"%s %s HTTP/1.1" % (method, self.url)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _UPGRADE]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _count_other(self, size_bytes: int) -> None:
        """Bound the bytes that the parser buffers: an unfinished header, before or after the body."""
        self._other_bytes += size_bytes
        if self._other_bytes > self._bounds.size_bytes:
            raise self._too_large()

    def _too_large(self) -> Refused:
        message = (
            f"The request line and headers are larger than {self._bounds.size_bytes} bytes, the maximum."
        )
        return Refused(431, "headers_too_large", message)

    def _arm(self, timeout_s: float | None = None) -> None:
        self._disarm()
        self._timer = self.loop.call_later(timeout_s or self._bounds.timeout_s, self._on_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm_unread(self) -> None:
        self._disarm_unread()
        self._unread_timer = self.loop.call_later(self._bounds.unread_timeout_s, self._on_unread)

    def _disarm_unread(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _on_unread(self) -> None:
        self._unread_timer = None
        if self.transport.get_write_buffer_size():
            # Discards what the kernel holds for the client too, which can be megabytes and would stay.
            self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
            self.transport.abort()

    def _on_late(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm()  # a response is being sent, and the next request may still arrive after it
        elif self._is_in_head:
            message = f"The headers did not arrive within {self._bounds.timeout_s:g} s."
            self._refuse(Refused(408, "request_timeout", message))
        else:
            self.transport.close()

    def _refuse(self, refused: Refused) -> None:
        """Answer in place of the application and close the connection; only close it mid-response."""
        self._disarm()
        if self.transport.is_closing():
            return
        self._is_dropping = True
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
            return
        self.transport.write(self.rendered(refused))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arm_unread()
        self.loop.call_later(_LINGER_S, self.transport.close)


def _malformed(message: str = "The request is not well-formed HTTP.") -> Refused:
    return Refused(400, "malformed_request", message)

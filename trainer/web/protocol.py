"""The trainer's connections: the service's bounds on headers, and ways for scripted faults to end them."""

from __future__ import annotations

import secrets
from http import HTTPStatus

import msgspec

from service.server.protocol import BoundedProtocol, ConnectionBounds, Refused
from trainer.errors import ApiError
from trainer.faults.spoil import ABORT_KEY, CLOSE_KEY

_BOUNDS = ConnectionBounds(size_bytes=32 * 1024, headers=100, timeout_s=10.0, unread_timeout_s=120.0)


class TrainerProtocol(BoundedProtocol):
    """One connection; it puts the transport's `abort` and `close` into each request's scope."""

    def bounds(self) -> ConnectionBounds:
        """The bounds of every request."""
        return _BOUNDS

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope[ABORT_KEY] = self.transport.abort  # type: ignore[literal-required]
        self.scope[CLOSE_KEY] = self.transport.close  # type: ignore[literal-required]

    def rendered(self, refused: Refused) -> bytes:
        """The refusal as an error of OpenAI's wire."""
        body = msgspec.json.encode(ApiError(refused.status, str(refused), code=refused.code).body())
        lines = (
            f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
            f"x-request-id: req_{secrets.token_hex(16)}",
        )
        return "\r\n".join([*lines, "", ""]).encode() + body

"""uvicorn's HTTP protocol, with ways for scripted faults to end the connection."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trainer.faults.spoil import ABORT_KEY, CLOSE_KEY


class AbortableProtocol(HttpToolsProtocol):
    """Puts the transport's `abort` and `close` into each request's scope."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope[ABORT_KEY] = self.transport.abort  # type: ignore[literal-required]
        self.scope[CLOSE_KEY] = self.transport.close  # type: ignore[literal-required]

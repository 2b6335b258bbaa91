"""A hostile upstream: a TCP server that answers each request with whatever bytes a test writes."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

# Writes the answer to one request; False once the connection is to be closed.
Script = Callable[["Peer"], None]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"
_PIECE = 2**20


@dataclass
class Peer:
    """One request as it arrived, and the means to answer it."""

    method: str
    path: str
    body: bytes
    socket: socket.socket
    stopped: threading.Event
    sent_bytes: int = 0

    def send(self, data: bytes) -> None:
        """Write these bytes as they are."""
        self.socket.sendall(data)
        self.sent_bytes += len(data)

    def json(self, value: Any, status: str = "200 OK", **headers: str) -> None:
        """Answer decently."""
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.head(len(content), status, **headers)
        self.send(content)

    def head(self, length: int | None, status: str = "200 OK", **headers: str) -> None:
        """Begin an answer; without a length it ends when the connection does."""
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += ["Connection: close" if length is None else f"Content-Length: {length}"]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def flood(self, piece: bytes, most_bytes: int) -> None:
        """Repeat a piece up to so many bytes, or until the other side hangs up."""
        many = piece * max(1, _PIECE // len(piece))
        for _ in range(max(1, most_bytes // len(many))):
            if self.stopped.is_set():
                return
            self.send(many)

    def trickle(self, data: bytes, every_s: float) -> None:
        """Send byte by byte."""
        for value in data:
            if self.stopped.wait(every_s):
                return
            self.send(bytes([value]))


@dataclass
class Hostile:
    """The running server. `answer` may be exchanged while it runs."""

    answer: Script
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        """What a provider's settings name."""
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def hostile(answer: Script) -> Iterator[Hostile]:
    """A server that answers by `answer` until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    running = Hostile(answer, listener.getsockname()[1])
    thread = threading.Thread(target=_accept, args=(listener, running), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _accept(listener: socket.socket, running: Hostile) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, running), daemon=True).start()


def _serve(connection: socket.socket, running: Hostile) -> None:
    with suppress(OSError), connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            method, path, _ = line.decode("latin-1").split(" ", 2)
            length = 0
            while (header := stream.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            body = stream.read(length)
            running.asked.append((method, path))
            running.answer(Peer(method, path, body, connection, running.stopped))
            if running.stopped.is_set():
                return

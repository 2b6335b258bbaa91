"""Bytes over a socket, for what no HTTP client can be made to send."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


def connect(url: str) -> socket.socket:
    """A connection to the server at `url`."""
    where = urlsplit(url)
    return socket.create_connection((where.hostname, where.port), timeout=TIMEOUT_S)


def head(method: str, path: str, *lines: str, key: str | None = None) -> bytes:
    """A request's head, up to and with the empty line."""
    authorization = [f"authorization: Bearer {key}"] if key else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", *authorization, *lines, "", ""]).encode()


class Answer:
    """One answer, read until the server closes or its content-length is there."""

    def __init__(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += _more(connection)
        start, _, self.body = received.partition(b"\r\n\r\n")
        status, *lines = start.decode("latin-1").split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        while len(self.body) < int(self.headers.get("content-length", "0")):
            self.body += _more(connection)

    @property
    def error(self) -> dict[str, Any]:
        """The error of the one shape."""
        body = json.loads(self.body)
        assert list(body) == ["error"]
        error: dict[str, Any] = body["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert self.headers["x-request-id"].startswith("req_")
        return error


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "the connection was closed before an answer was complete"
    return data


def ask(url: str, *pieces: bytes) -> Answer:
    """Send `pieces`, read one answer."""
    with connect(url) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                break  # refused by now; the answer is waiting
        return Answer(connection)


@contextmanager
def many(url: str, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    """`count` open connections on which `data` was sent, and nothing after it."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in connections:
            connection.sendall(data)
        yield connections

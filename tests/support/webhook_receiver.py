"""A receiver of webhooks: a real HTTP server that records what it gets and answers as scripted."""

import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """How to answer one request; `write` instead speaks to the socket itself."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[["BaseHTTPRequestHandler", threading.Event], None] | None = None


class Receiver:
    """The running server. `answers` are given out in turn; afterwards every request gets 200."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        host, port = server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        self.port = int(port)
        self.url = f"{scheme}://{shown}:{port}/hooks"
        self.answers: deque[Answer] = deque()
        self.requests: list[Received] = []
        self.stopped = threading.Event()

    def wait_for(self, count: int) -> list[Received]:
        """The requests, once there are `count` of them."""
        wait_until(lambda: len(self.requests) >= count)
        return self.requests


@contextmanager
def receiver(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that listens on a free port of `host` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            running.requests.append(Received(self.path, headers, body))
            self._answer(running.answers.popleft() if running.answers else Answer())

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def _answer(self, answer: Answer) -> None:
            if answer.write is not None:
                answer.write(self, running.stopped)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing; the tests look at `requests`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A caller that hangs up early is what some tests are about."""

    Server.address_family = 10 if ":" in host else 2
    server = Server((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    running = Receiver(server, "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()

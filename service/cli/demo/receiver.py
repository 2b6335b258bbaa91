"""A team's webhook receiver on this machine."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_POLL_S = 0.05


@dataclass(frozen=True)
class ReceivedCall:
    """One webhook as received."""

    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Collects webhook calls; `url` is its address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hooks"
        self._calls: list[ReceivedCall] = []
        self._arrived = threading.Condition()

    def take(self, call: ReceivedCall) -> None:
        """Store a call."""
        with self._arrived:
            self._calls.append(call)
            self._arrived.notify_all()

    def wait_for(self, count: int, timeout_s: float) -> list[ReceivedCall]:
        """The calls received, once there are `count` of them or `timeout_s` has passed."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._calls) >= count, timeout_s)
            return list(self._calls)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback interface, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            receiver.take(ReceivedCall({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing; the walkthrough shows what arrived."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

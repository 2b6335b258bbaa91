"""What the imitations share: routes, a key, states that take time, and answers that get lost.

Uses the standard library alone: the vendors' own SDKs try the servers in an environment of their own.
"""

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

KEY = "vendor-key-of-the-tests"


@dataclass(frozen=True)
class Request:
    """One request; `ids` are the parts of the path that the route names."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    ids: tuple[str, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        found = json.loads(self.body or b"{}")
        if not isinstance(found, dict):
            raise Refused(400, "The body must be a JSON object.")
        return found


@dataclass
class Reply:
    """What to answer; a body other than bytes is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Raised by a handler: answer with the vendor's envelope of an error."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        self.status, self.message, self.code, self.param = status, message, code, param
        super().__init__(message)


@dataclass
class Fault:
    """What happens to the next request to a place: `lose` and `fail` let it have its effect first."""

    kind: str  # lose | lose_before | fail | fail_before
    method: str
    path: re.Pattern[str]
    status: int = 500


Handler = Callable[[Request], Any]


class FakeServer:
    """A vendor's API on a free port of this machine, in threads of this process.

    Subclasses add their routes with `route`. Each handler runs under one lock, so state needs no care.
    """

    public: tuple[str, ...] = ()  # patterns of paths that need no key
    more_settings: dict[str, Any] = {}  # of the provider that a Tunehouse configures for it

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.seen: list[Request] = []
        self.faults: list[Fault] = []
        self.held = False  # whether jobs stand still once they run
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def root(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Serve `path`, in which each `{}` stands for an id and `{*}` for anything, slashes included."""
        pattern = re.escape(path).replace(r"\{\}", r"([^/:]+)").replace(r"\{\*\}", "(.+)")
        self._routes.append((method, re.compile(pattern), handler))

    def lose(self, method: str, path: str, *, before: bool = False) -> None:
        """Cut the connection of the next such request: after its effect, or before it."""
        self.faults.append(Fault("lose_before" if before else "lose", method, re.compile(path)))

    def fail(self, method: str, path: str, status: int = 500, *, before: bool = False) -> None:
        """Answer the next such request with an error: after its effect, or before it."""
        self.faults.append(Fault("fail_before" if before else "fail", method, re.compile(path), status))

    def requests(self, method: str, path: str) -> list[Request]:
        """The requests received for paths that match."""
        return [one for one in self.seen if one.method == method and re.search(path, one.path)]

    def refusal(self, refused: Refused) -> Any:
        """The vendor's envelope of an error."""
        raise NotImplementedError

    def serve(self, request: Request) -> Reply | None:
        """The answer to a request; None cuts the connection."""
        with self.lock:
            self.seen.append(request)
            fault = self._fault(request)
            if fault is not None and fault.kind == "lose_before":
                return None
            if fault is not None and fault.kind == "fail_before":
                return self._refuse(Refused(fault.status, "Internal server error"))
            reply = self._answer(request)
            if fault is not None and fault.kind == "lose":
                return None
            if fault is not None and fault.kind == "fail":
                return self._refuse(Refused(fault.status, "Internal server error"))
            return reply

    def _fault(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.method == request.method and fault.path.search(request.path):
                self.faults.remove(fault)
                return fault
        return None

    def _answer(self, request: Request) -> Reply:
        try:
            is_public = any(re.match(pattern, request.path) for pattern in self.public)
            if not is_public and request.headers.get("authorization") != f"Bearer {KEY}":
                raise Refused(401, "Invalid API key provided.", "invalid_api_key")
            for method, pattern, handler in self._routes:
                found = pattern.fullmatch(request.path)
                if method == request.method and found:
                    ids = tuple(unquote(one) for one in found.groups())
                    answer = handler(Request(**(vars(request) | {"ids": ids})))
                    return answer if isinstance(answer, Reply) else Reply(answer)
            raise Refused(404, f"Unknown request URL: {request.method} {request.path}.")
        except Refused as refused:
            return self._refuse(refused)

    def _refuse(self, refused: Refused) -> Reply:
        return Reply(self.refusal(refused), refused.status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Some tests hang up on the server; it need not print that."""


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # headers and body in one packet; apart they wait 40 ms for an acknowledgement

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = fake.serve(Request(self.command, url.path, dict(parse_qsl(url.query)), headers, body))
            if reply is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.headers.pop("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(content)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server looks for these names

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    return Handling


def form_fields(request: Request) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a multipart form: for each name the file's name, if it is one, and the content."""
    boundary = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if not boundary:
        raise Refused(400, "The body must be multipart/form-data.")
    fields: dict[str, tuple[str | None, bytes]] = {}
    for part in request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part[2:-2].partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        filename = re.search(rb'filename="([^"]*)"', head)
        if name:
            fields[name[1].decode()] = (filename[1].decode() if filename else None, content)
    return fields


def count_words(content: bytes) -> tuple[int, int]:
    """Examples and words of a JSONL file: a token count that no tokenizer's falls below."""
    lines = [json.loads(line) for line in content.splitlines() if line.strip()]
    return len(lines), sum(len(text.split()) for line in lines for text in _texts(line))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | dict):
        inner = value.values() if isinstance(value, dict) else value
        return [text for item in inner for text in _texts(item)]
    return []

"""A bare HTTP server that answers what a test tells it to, for what no decent upstream would send."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from service.providers.openai_wire import OpenAIWire
from service.providers.registry import open_provider
from service.settings import ProviderSettings

KEY = "sk-very-secret-key-of-the-tests"


@dataclass(frozen=True)
class Seen:
    """One request that the server received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """What to send; `body` other than bytes is sent as JSON. `cut` closes after half of the body."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class RawServer:
    """Serves `respond(request)` on a free port; without `keep_bodies` it keeps nothing of what it reads."""

    def __init__(self, respond: Callable[[Seen], Answer], *, keep_bodies: bool = True) -> None:
        self.seen: list[Seen] = []
        self._providers: list[OpenAIWire] = []
        self._server = _Server(("127.0.0.1", 0), _handler(respond, self.seen, keep_bodies))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def base_url(self) -> str:
        """What a provider's settings name."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def provider(self, **changes: Any) -> OpenAIWire:
        """A provider whose upstream this is; closed with the server."""
        self._providers.append(provider_at(self.base_url, **changes))
        return self._providers[-1]

    def __enter__(self) -> "RawServer":
        return self

    def __exit__(self, *_: object) -> None:
        for provider in self._providers:
            provider.close()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Some tests hang up on the server; it need not print that."""


def provider_at(base_url: str, **changes: Any) -> OpenAIWire:
    """A provider whose upstream is at `base_url`."""
    given = {"name": "raw", "kind": "openai", "base_url": base_url, "api_key": KEY, "timeout_s": 5.0}
    return open_provider(ProviderSettings.model_validate(given | changes))


def error_body(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """OpenAI's error envelope."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _handler(
    respond: Callable[[Seen], Answer], seen: list[Seen], keep_bodies: bool
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # headers and body in one packet; apart they wait 40 ms for an acknowledgement

        def answer(self) -> None:
            body = self._read_body()
            request = Seen(
                self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body
            )
            seen.append(request)
            given = respond(request)
            content = given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()
            self.send_response(given.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if given.cut else content)
            self.close_connection = given.cut

        def _read_body(self) -> bytes:
            left, kept = int(self.headers.get("Content-Length", 0)), b""
            while left and (piece := self.rfile.read(min(left, 2**16))):
                left -= len(piece)
                kept += piece if keep_bodies else b""
            return kept

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server looks for these names

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    return Handler

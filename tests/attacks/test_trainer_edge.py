"""The trainer's own HTTP server keeps to the same bounds as the api's."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from tests.attacks.raw import Answer, ask, connect, head
from tests.support.trainer_process import TrainerProcess
from trainer.app import build_app
from trainer.settings import TrainerSettings, parse_bases
from trainer.state import TrainerState, build_state

CHAT = "/v1/chat/completions"
BODY = b'{"model": "sandbox-mini", "messages": [{"role": "user", "content": "hi"}]}'


@pytest.fixture
def url(trainer_process: TrainerProcess) -> str:
    return f"http://127.0.0.1:{trainer_process.port}"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ([b"GET /healthz HTTP/1.1\r\nx-large: ", b"x" * 2**22], 431, "headers_too_large"),
        ([head("GET", "/healthz", *["a: b"] * 200)], 431, "headers_too_large"),
        ([b"GET /healthz HTTP/1.1\r\n", b"a: b\r\n" * 2**18], 431, "headers_too_large"),
        ([b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n"], 400, "malformed_request"),
        ([b"GET /healthz HTTP/1.1\r\n\r\n"], 400, "malformed_request"),
        (
            [b"POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"],
            400,
            "malformed_request",
        ),
        ([b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"], 400, "malformed_request"),
    ],
    ids=[
        "a header without an end",
        "many headers",
        "headers without an end",
        "no colon",
        "no host",
        "two framings",
        "a tunnel",
    ],
)
def test_a_head_beyond_the_bounds_is_refused(url: str, sent: list[bytes], status: int, code: str) -> None:
    answer = ask(url, *sent)

    assert (answer.status, answer.error["code"]) == (status, code)


@pytest.mark.parametrize("ahead", [1, 120, 10_000])
def test_an_offer_of_http_2_is_ignored_and_the_body_read(
    url: str, trainer_process: TrainerProcess, ahead: int
) -> None:
    lines = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAB"]
    whole = head("POST", CHAT, *lines, f"content-length: {len(BODY)}", key=trainer_process.api_key) + BODY
    with connect(url) as connection:
        connection.sendall(whole[:ahead])
        connection.sendall(whole[ahead:])
        assert Answer(connection).status == 200


@pytest.mark.parametrize("path", [CHAT, "/v1/files"])
def test_a_compressed_body_is_refused_unread(url: str, trainer_process: TrainerProcess, path: str) -> None:
    lines = [
        "content-encoding: gzip",
        "content-length: 1000",
        "content-type: multipart/form-data; boundary=b",
    ]
    answer = ask(url, head("POST", path, *lines, key=trainer_process.api_key))

    assert (answer.status, answer.error["code"]) == (415, "unsupported_content_encoding")


@pytest.fixture
def hasty_state(tmp_path: Path) -> Iterator[TrainerState]:
    """A trainer that waits 50 ms for a body."""
    bases = parse_bases("sandbox-mini")
    state = build_state(TrainerSettings(data_dir=tmp_path, bases=bases, api_key="sk-x", body_timeout_s=0.05))
    state.start()
    yield state
    state.stop()


@pytest.mark.parametrize("path", [CHAT, "/v1/files"])
def test_a_body_that_stops_is_refused_in_time(hasty_state: TrainerState, path: str) -> None:
    headers = [(b"authorization", b"Bearer sk-x"), (b"content-type", b"multipart/form-data; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    sent: list[Any] = []

    async def story() -> None:
        pieces = iter([{"type": "http.request", "body": b"--b", "more_body": True}])

        async def receive() -> Message:
            for piece in pieces:
                return piece
            return await asyncio.Future()

        async def send(message: Message) -> None:
            sent.append(message)

        await build_app(hasty_state)(scope, receive, send)

    asyncio.run(story())
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["code"] == "request_timeout"

"""Requests whose head is too large, too slow, malformed, or offers another protocol."""

import pytest

from tests.attacks.raw import Answer, ask, connect, head, many
from tests.support.service import Service


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([b"GET /healthz HTTP/1.1\r\nx-large: ", b"x" * 2**22], id="a header without an end"),
        pytest.param([b"GET /healthz?", b"x" * 2**22], id="a target without an end"),
        pytest.param([head("GET", "/healthz", "x-large: " + "x" * 40_000)], id="one large header"),
        pytest.param([head("GET", "/healthz", *["a: b"] * 200)], id="many small headers"),
        pytest.param([b"GET /healthz HTTP/1.1\r\n", b"a: b\r\n" * 2**18], id="small headers without an end"),
    ],
)
def test_a_head_beyond_the_bounds_is_refused(service: Service, sent: list[bytes]) -> None:
    answer = ask(service.url, *sent)

    assert answer.status == 431
    assert answer.error["code"] == "headers_too_large"


def test_headers_after_a_chunked_body_are_bounded_and_not_believed(service: Service) -> None:
    chunked = head("GET", "/v1/me", "transfer-encoding: chunked") + b"2\r\n{}\r\n0\r\n"

    late_key = ask(service.url, chunked + f"authorization: Bearer {service.admin_key}\r\n\r\n".encode())
    assert late_key.status == 401

    endless = ask(service.url, chunked + b"x-large: ", b"x" * 2**22)
    assert endless.status in (401, 431)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", id="a header without a colon"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nx: y\r\n\r\n", id="no host"),
        pytest.param(b"BREW /healthz HTTP/1.1\r\n\r\n", id="an unknown method"),
        pytest.param(b"GET /healthz HTTP/9.9\r\n\r\n", id="an unknown version"),
        pytest.param(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", id="a tunnel"),
        pytest.param(
            b"POST /v1/teams HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", id="two lengths"
        ),
        pytest.param(
            b"POST /v1/teams HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            id="two framings",
        ),
    ],
)
def test_malformed_http_gets_the_one_error_shape(service: Service, sent: bytes) -> None:
    answer = ask(service.url, sent)

    assert answer.status == 400
    assert answer.error["code"] == "malformed_request"


def test_http_1_0_needs_no_host(service: Service) -> None:
    assert ask(service.url, b"GET /healthz HTTP/1.0\r\n\r\n").status == 200


def test_a_head_that_never_ends_is_given_up(hasty: Service) -> None:
    with many(hasty.url, 50, b"GET /healthz HTTP/1.1\r\nhost: x\r\n") as connections:
        assert {Answer(connection).status for connection in connections} == {408}


def test_a_silent_connection_is_closed(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize("ahead", [1, 30, 90, 10_000])
def test_an_offer_of_http_2_is_ignored_and_the_body_read(service: Service, ahead: int) -> None:
    # As JDK's HttpClient sends it; cut anywhere, the pieces must read the same.
    body = b'{"name": "Two", "slug": "two-%d"}' % ahead
    lines = [
        "connection: Upgrade, HTTP2-Settings",
        "upgrade: h2c",
        "http2-settings: AAEAAEAAAAIAAAAB",
        "content-type: application/json",
    ]
    whole = head("POST", "/v1/teams", *lines, f"content-length: {len(body)}", key=service.admin_key) + body

    with connect(service.url) as connection:
        connection.sendall(whole[:ahead])
        connection.sendall(whole[ahead:])
        answer = Answer(connection)
        connection.sendall(head("GET", "/healthz"))
        following = Answer(connection)

    assert answer.status == 200, answer.body
    assert b'"slug":"two-%d"' % ahead in answer.body
    assert following.status == 200

"""One call to a receiver, over real sockets."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from service.core.http.addresses import Address
from service.webhooks.deliveries.calling import EXCERPT_BYTES, READ_BYTES, Outcome, post, tls
from tests.support.webhook_receiver import Answer, Receiver, receiver

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
TLS_FILES = Path(__file__).parents[1] / "support" / "tls"


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def call(url: str, *, timeout_s: float = 10.0, **more: object) -> Outcome:
    options = {"allowed": LOOPBACK} | more
    return post(url, {"webhook-id": "wh_1"}, b'{"a":1}', timeout_s=timeout_s, **options)  # type: ignore[arg-type]


def test_a_2xx_is_a_delivery(target: Receiver) -> None:
    target.answers.append(Answer(204, b""))
    outcome = call(target.url + ";v=1?x=%20y")
    assert (outcome.delivered, outcome.status, outcome.error) == (True, 204, None)
    (request,) = target.requests
    assert request.path == "/hooks;v=1?x=%20y"
    assert json.loads(request.body) == {"a": 1}
    assert request.headers["host"] == f"127.0.0.1:{target.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "wh_1"
    assert request.headers["user-agent"].startswith("Tunehouse/")


def test_a_redirect_is_a_failure_and_is_not_followed(target: Receiver) -> None:
    target.answers.append(Answer(307, b"", {"location": target.url}))
    outcome = call(target.url)
    assert (outcome.delivered, outcome.status, outcome.error) == (False, 307, "answered 307")
    assert len(target.requests) == 1


def test_what_the_receiver_says_is_kept_in_part(target: Receiver) -> None:
    target.answers.append(Answer(200, b"\xff\x00" + b"x" * 5000))
    outcome = call(target.url)
    assert len(outcome.excerpt) == EXCERPT_BYTES
    assert "\x00" not in outcome.excerpt


@pytest.mark.parametrize("status", [302, 403, 503])
def test_what_says_no_is_not_quoted(target: Receiver, status: int) -> None:
    target.answers.append(Answer(status, b"a page of somebody else's", {"retry-after": "30"}))
    outcome = call(target.url)
    assert (outcome.delivered, outcome.excerpt, outcome.retry_after) == (False, "", "30")


def test_a_huge_answer_is_read_in_part(target: Receiver) -> None:
    sent = []

    def pour(handler: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stopped.is_set():
            handler.wfile.write(b"x" * 65536)
            sent.append(65536)

    target.answers.append(Answer(write=pour))
    outcome = call(target.url)
    assert outcome.delivered
    assert len(outcome.excerpt) == EXCERPT_BYTES
    assert sum(sent) < READ_BYTES + 16 * 2**20  # what the sockets' buffers swallow


def test_a_body_that_drips_is_cut_at_the_deadline_and_the_status_counts(target: Receiver) -> None:
    def drip(handler: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stopped.wait(0.05):
            handler.wfile.write(b".")

    target.answers.append(Answer(write=drip))
    outcome = call(target.url, timeout_s=0.5)
    assert outcome.delivered
    assert outcome.excerpt.startswith("..")
    assert outcome.duration_ms < 3000


def test_headers_that_drip_are_cut_at_the_deadline(target: Receiver) -> None:
    def drip(handler: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not stopped.wait(0.05):
            handler.wfile.write(b"x: y\r\n")

    target.answers.append(Answer(write=drip))
    started = time.monotonic()
    outcome = call(target.url, timeout_s=0.5)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.5 s")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 10**6, b""])
def test_what_is_not_http_is_a_failure(target: Receiver, text: bytes) -> None:
    target.answers.append(Answer(write=lambda handler, _: handler.wfile.write(text) and None))
    outcome = call(target.url, timeout_s=5)
    assert outcome.status is None
    assert outcome.error


def test_nobody_listening_is_a_failure() -> None:
    with receiver() as gone:
        pass
    assert call(gone.url).error == "the connection was refused"


def test_an_unknown_name_is_a_failure() -> None:
    def unknown(host: str, _port: int) -> list[Address]:
        raise OSError(f"{host} is unknown")

    outcome = call("https://no-such-host.invalid/", resolve=unknown)
    assert outcome.error == "the host's name could not be resolved"


def test_a_name_that_hangs_is_a_failure(target: Receiver) -> None:
    def hang(_host: str, _port: int) -> list[Address]:
        target.stopped.wait(5)
        return []

    outcome = call(target.url, timeout_s=0.2, resolve=hang)
    target.stopped.set()
    assert outcome.error == "no answer within 0.2 s"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_an_address_of_ours_is_refused_however_it_is_written(target: Receiver, host: str) -> None:
    outcome = call(f"https://{host}:{target.port}/", allowed=[])
    assert outcome.error == "the host has an address that webhooks may not be sent to"
    assert target.requests == []


def test_a_name_that_turns_private_after_it_was_checked_is_refused_at_the_call(target: Receiver) -> None:
    answers = [[ip_address("10.0.0.1")], [ip_address("127.0.0.1")]]
    url = f"http://rebinding.test:{target.port}/"
    refused = call(url, resolve=lambda *_: answers.pop(0))
    assert refused.error == "the host has an address that webhooks may not be sent to"
    assert call(url, resolve=lambda *_: answers.pop(0)).delivered
    assert len(target.requests) == 1


def test_only_addresses_that_passed_are_connected_to(target: Receiver) -> None:
    mixed = [ip_address("10.0.0.1"), ip_address("127.0.0.1")]
    assert call(f"http://mixed.test:{target.port}/", resolve=lambda *_: mixed).delivered


def test_plain_http_never_crosses_the_internet() -> None:
    outcome = call("http://example.test/", resolve=lambda *_: [ip_address("8.8.8.8")])
    assert outcome.error == "the host has an address that webhooks may not be sent to"


def test_proxies_of_the_environment_are_not_used(target: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert call(target.url).delivered


def test_ipv6_literals_are_called_by_their_name() -> None:
    with receiver("::1") as target:
        assert call(target.url).delivered
        assert target.requests[0].headers["host"] == f"[::1]:{target.port}"


def test_tls_sees_the_name_and_its_certificate_must_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FILES / "receiver.test.crt", TLS_FILES / "receiver.test.key")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with receiver(tls=context) as target:
        url = f"https://receiver.test:{target.port}/hooks"
        untrusted = call(url, resolve=lambda *_: [ip_address("127.0.0.1")])
        assert untrusted.error == "the certificate was not accepted: self-signed certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS_FILES / "receiver.test.crt"))
        tls.cache_clear()
        try:
            assert call(url, resolve=lambda *_: [ip_address("127.0.0.1")]).delivered
            wrong = call(target.url)
        finally:
            tls.cache_clear()
    assert names[:2] == ["receiver.test", "receiver.test"]
    assert wrong.error is not None
    assert "certificate was not accepted" in wrong.error

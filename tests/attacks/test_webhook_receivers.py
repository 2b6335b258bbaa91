"""What a hostile webhook receiver can do: nothing but fail its own delivery, in bounded time and memory."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest

from service.webhooks.deliveries.calling import READ_BYTES, Outcome, post
from tests.attacks.hostile import HEAD, INTERIM, Peer, hostile

MEGABYTE = 2**20
LOOPBACK = [ip_network("127.0.0.0/8")]


def call(answer: Callable[[Peer], None], timeout_s: float = 30.0) -> Outcome:
    """One attempt at a receiver that answers so."""
    with hostile(answer) as server:
        url = f"http://127.0.0.1:{server.port}/hooks"
        return post(url, {"webhook-id": "wh_1"}, b"{}", timeout_s=timeout_s, allowed=LOOPBACK)


@pytest.mark.parametrize("piece", [INTERIM, b"HTTP/1.1 100 \r\n\r\n", b"HTTP/1.1 199 x\r\nA: b\r\n\r\n"])
def test_interim_answers_without_end_are_given_up(piece: bytes) -> None:
    peers = []

    def answer(peer: Peer) -> None:
        peers.append(peer)
        peer.flood(piece, 200 * MEGABYTE)

    assert call(answer).error == "the answer is not valid HTTP"
    assert peers[0].sent_bytes < 32 * MEGABYTE  # what the sockets' buffers take


def test_headers_without_end_are_given_up() -> None:
    def answer(peer: Peer) -> None:
        peer.send(HEAD)
        peer.flood(b"X-More: of the same\r\n", 200 * MEGABYTE)

    assert call(answer).error == "the answer is not valid HTTP"


def test_a_body_without_end_is_left_after_its_first_part() -> None:
    sent = []

    def answer(peer: Peer) -> None:
        peer.head(None)
        for _ in range(400):
            peer.send(b"x" * MEGABYTE)
            sent.append(MEGABYTE)

    outcome = call(answer)
    assert outcome.delivered
    assert sum(sent) < READ_BYTES + 32 * MEGABYTE  # what the sockets' buffers take


def test_an_answer_byte_by_byte_ends_at_the_deadline() -> None:
    outcome = call(lambda peer: peer.trickle(HEAD * 100, 0.01), timeout_s=0.3)
    assert outcome.error == "no answer within 0.3 s"


def test_silence_ends_at_the_deadline() -> None:
    def answer(peer: Peer) -> None:
        peer.stopped.wait(30)

    assert call(answer, timeout_s=0.3).error == "no answer within 0.3 s"


def test_a_compressed_body_is_not_unpacked() -> None:
    outcome = call(lambda peer: peer.json(b"\x1f\x8b" + b"\0" * 100, Content_Encoding="gzip"))
    assert outcome.delivered
    assert len(outcome.excerpt) == 102

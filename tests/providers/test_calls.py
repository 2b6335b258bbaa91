"""No call to a provider goes on for longer than its timeout, however slowly it is answered."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.providers.errors import OutcomeUnknown, Retryable
from tests.providers.raw_server import provider_at
from tests.providers.test_failures import SPEC

JOB = b'{"id": "ftjob-1", "status": "queued"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(JOB)
TIMEOUT_S = 0.4


@contextmanager
def dripping(at_once: bytes, drop_by_drop: bytes) -> Iterator[str]:
    """The base URL of a server whose answer never pauses for as long as one wait may take."""
    closing = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(2**16)
            connection.sendall(at_once)
            for drop in drop_by_drop:
                if closing.wait(TIMEOUT_S / 8):
                    return
                try:
                    connection.sendall(bytes([drop]))
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        closing.set()
        thread.join()


@pytest.mark.parametrize("written", [0, len(HEAD)], ids=["head", "body"])
def test_a_read_that_is_answered_byte_by_byte_is_given_up(written: int) -> None:
    answer = HEAD + JOB
    with dripping(answer[:written], answer[written:]) as base_url:
        provider = provider_at(base_url, timeout_s=TIMEOUT_S)
        with pytest.raises(Retryable) as raised:
            provider.get_job("ftjob-1")
        provider.close()
    assert raised.value.code == "no_answer"


def test_a_create_that_is_answered_byte_by_byte_has_an_unknown_outcome() -> None:
    with dripping(HEAD, JOB) as base_url:
        provider = provider_at(base_url, timeout_s=TIMEOUT_S)
        with pytest.raises(OutcomeUnknown):
            provider.create_job(SPEC)
        provider.close()


def test_an_upload_that_is_answered_byte_by_byte_has_an_unknown_outcome() -> None:
    with dripping(HEAD, JOB) as base_url:
        provider = provider_at(base_url, timeout_s=TIMEOUT_S)
        with pytest.raises(OutcomeUnknown):
            provider.upload_file("tea.jsonl", io.BytesIO(b"{}\n"))
        provider.close()

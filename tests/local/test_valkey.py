"""The embedded Valkey."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from service.local.errors import EmbeddedError
from service.local.valkey import ValkeyServer


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    made = ValkeyServer(tmp_path / "valkey")
    made.start()
    yield made
    made.stop()


def test_it_answers_at_its_url(valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey.url()) as client:
        assert client.set("key", "value")


def test_it_asks_for_the_password(valkey: ValkeyServer) -> None:
    with redis.Redis(port=valkey.port or 0) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_it_comes_back_at_the_same_port(valkey: ValkeyServer) -> None:
    url = valkey.url()
    valkey.stop()
    assert valkey.start() == url


def test_a_port_in_use_is_told(valkey: ValkeyServer, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="in use"):
        ValkeyServer(tmp_path / "other", port=valkey.port).start()

"""What a hostile provider answers to a request for model output is refused before it fills the memory."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Callable

import pytest

from service.errors import TunehouseError
from service.gateway.connections import open_session, read_whole
from service.gateway.upstream import Upstream
from service.providers.bounds import INFERENCE
from service.providers.port import Endpoint
from service.settings import ProviderSettings
from tests.attacks.hostile import HEAD, INTERIM, Peer, hostile

MEGABYTE = 2**20


def ask(answer: Callable[[Peer], None], timeout_s: float = 5.0) -> bytes:
    """The gateway's whole answer from a provider that answers so."""

    async def call() -> bytes:
        settings = ProviderSettings.model_validate(
            {
                "name": "raw",
                "kind": "openai",
                "base_url": server.base_url,
                "api_key": "sk-x",
                "inference_timeout_s": timeout_s,
            }
        )
        async with open_session() as session:
            upstream = Upstream(settings, Endpoint(server.base_url, {}, timeout_s), session)
            async with upstream.post("/chat/completions", b"{}") as response:
                return await read_whole(response)

    with hostile(answer) as server:
        return asyncio.run(call())


def test_a_decent_answer_passes() -> None:
    assert ask(lambda peer: peer.json({"choices": []})) == b'{"choices": []}'


@pytest.mark.parametrize("length", [None, 600 * MEGABYTE], ids=["unannounced", "announced"])
def test_an_endless_answer_is_refused_at_its_bound(length: int | None) -> None:
    def answer(peer: Peer) -> None:
        peer.head(length)
        peer.flood(b" ", 600 * MEGABYTE)

    tracemalloc.start()
    with pytest.raises(TunehouseError, match="larger than"):
        ask(answer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * INFERENCE.size_bytes


def test_a_small_answer_of_a_million_values_is_refused() -> None:
    with pytest.raises(TunehouseError, match="JSON values"):
        ask(lambda peer: peer.json(b'{"choices":[' + b"{}," * 1_000_000 + b"{}]}"))


def test_a_compressed_answer_is_refused() -> None:
    bomb = gzip.compress(b" " * 50 * MEGABYTE)
    with pytest.raises(TunehouseError, match="compressed"):
        ask(lambda peer: peer.json(bomb, Content_Encoding="gzip"))


def test_interim_answers_without_end_are_given_up() -> None:
    def answer(peer: Peer) -> None:
        peer.flood(INTERIM, 100 * MEGABYTE)

    with pytest.raises(TunehouseError, match="connection"):
        ask(answer)


def test_a_few_interim_answers_are_read_past() -> None:
    def answer(peer: Peer) -> None:
        peer.send(INTERIM * 3)
        peer.send(HEAD + b"Content-Length: 2\r\n\r\n{}")

    assert ask(answer) == b"{}"

"""haproxy with the configuration that we ship, in front of two servers that stand in for apis."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from tests.operations.servers import Haproxy
from tests.providers.raw_server import Answer, RawServer, Seen
from tests.support.waiting import wait_until

CONNECTIONS_OF_AN_ADDRESS = 200


def place(server: RawServer) -> str:
    return server.base_url.removeprefix("http://").removesuffix("/v1")


def stopping(request: Seen) -> Answer:
    """An api that is stopping, and that its balancer has not taken out yet."""
    return Answer(200) if request.path == "/readyz" else Answer(503, b"", {"Retry-After": "1"})


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    """haproxy in front of an api that answers and one that is stopping."""
    with RawServer(lambda _: Answer(200, b"served")) as serving, RawServer(stopping) as ending:
        balancer = Haproxy(tmp_path_factory.mktemp("haproxy"), [place(serving), place(ending)])
        balancer.start()
        yield balancer
        balancer.stop()


def test_what_a_stopping_api_refuses_is_sent_to_the_other(haproxy: Haproxy) -> None:
    with httpx2.Client(base_url=haproxy.url, trust_env=False) as client:
        answers = [client.post("/v1/fine_tuning/jobs", json={"number": number}) for number in range(6)]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "served")] * 6


@pytest.mark.parametrize("path", ["/metrics", "/%6detrics", "/metrics?all=1"])
def test_metrics_are_not_shown_to_clients(path: str, haproxy: Haproxy) -> None:
    # By a socket, because a client library would rewrite the path.
    with socket.create_connection(("127.0.0.1", haproxy.port)) as client, client.makefile("rb") as answer:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: tunehouse\r\nConnection: close\r\n\r\n".encode())
        assert answer.readline() == b"HTTP/1.1 404 Not Found\r\n"


def test_one_address_cannot_take_all_connections(haproxy: Haproxy) -> None:
    with ExitStack() as open_ones:
        clients = [
            open_ones.enter_context(socket.create_connection(("127.0.0.1", haproxy.port)))
            for _ in range(CONNECTIONS_OF_AN_ADDRESS + 5)
        ]
        # haproxy closes those beyond the limit, which makes them readable; the others wait for a request.
        wait_until(lambda: len(select.select(clients, [], [], 0)[0]) == 5)

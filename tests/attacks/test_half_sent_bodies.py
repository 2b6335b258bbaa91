"""Clients that begin a request and never finish it get no thread, connection, lock or turn."""

import select
import threading
from contextlib import ExitStack

import pytest

from tests.attacks.raw import TIMEOUT_S, Answer, ask, connect, head, many
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle

JOBS = "/v1/fine_tuning/jobs"
CHAT = "/v1/chat/completions"
FORM = "content-type: multipart/form-data; boundary=b"
LENGTH = "content-length: 1000"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="5.00")


@pytest.mark.parametrize("path", [JOBS, "/v1/teams", "/v1/files", "/v1/uploads/upload_x/parts", CHAT])
def test_without_a_key_nothing_of_a_body_is_awaited(service: Service, path: str) -> None:
    with many(service.url, 40, head("POST", path, LENGTH)) as connections:
        assert {Answer(connection).status for connection in connections} == {401}


def test_two_hundred_half_sent_requests_block_no_write(service: Service, team: TeamHandle) -> None:
    attacks = [
        head("POST", "/webhooks/trainer", LENGTH) + b"{",
        head("POST", JOBS, LENGTH, key="th-unknown") + b"{",
        head("POST", JOBS, LENGTH, "idempotency-key: same", key=team.key) + b"{",
        head("POST", JOBS, LENGTH, key=team.key) + b"{",
        head("POST", CHAT, LENGTH, key=team.key) + b"{",
        head("POST", "/v1/files", FORM, LENGTH, key=team.key) + PART,
    ]
    other = service.make_team(budget_usd="5.00")

    with ExitStack() as stack:
        for attack in attacks:
            stack.enter_context(many(service.url, 200 // len(attacks), attack))

        for handle in (other, team):
            made = handle.sdk.files.create(file=("a.jsonl", chat_file()), purpose="fine-tune")
            assert handle.sdk.files.delete(made.id).deleted
        assert service.admin.get("/readyz").status_code in (200, 503)
        assert service.make_team().id


@pytest.mark.parametrize("path", [JOBS, CHAT, "/webhooks/trainer"])
def test_a_body_that_stops_is_refused_in_time(hasty: Service, path: str) -> None:
    team = hasty.make_team(budget_usd="1.00")

    with connect(hasty.url) as connection:
        connection.sendall(head("POST", path, LENGTH, key=team.key) + b"{")
        answer = Answer(connection)
        assert connection.recv(1) == b""  # nor is the rest awaited

    assert answer.status == 408
    assert answer.error["code"] == "request_timeout"


def test_a_body_that_trickles_is_refused_in_time(hasty: Service) -> None:
    team = hasty.make_team()
    stopped = threading.Event()

    def trickle(connection: object) -> None:
        while not stopped.wait(0.2):
            try:
                connection.sendall(b" ")  # type: ignore[attr-defined]  # a socket
            except OSError:
                return

    with connect(hasty.url) as connection:
        connection.sendall(head("POST", JOBS, LENGTH, key=team.key) + b"{")
        trickling = threading.Thread(target=trickle, args=(connection,))
        trickling.start()
        try:
            assert Answer(connection).status == 408
        finally:
            stopped.set()
            trickling.join()


@pytest.mark.parametrize(
    ("quota", "length"), [("files", LENGTH), ("storage_bytes", "content-length: 100000000")]
)
def test_an_upload_without_room_is_refused_unread(
    service: Service, team: TeamHandle, quota: str, length: str
) -> None:
    service.admin.put(f"/v1/teams/{team.id}/quotas", json={quota: 0}).raise_for_status()

    answer = ask(service.url, head("POST", "/v1/files", FORM, length, key=team.key) + PART)

    assert (answer.status, answer.error["code"], answer.error["param"]) == (403, "quota_exceeded", quota)


def test_an_upload_that_stops_is_refused_in_time(hasty: Service) -> None:
    team = hasty.make_team()

    answer = ask(hasty.url, head("POST", "/v1/files", FORM, LENGTH, key=team.key) + PART)

    assert answer.status == 408
    assert answer.error["code"] == "request_timeout"


def test_the_rest_of_a_refused_body_is_not_awaited(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        connection.sendall(head("POST", "/v1/teams", "content-length: 1000000") + b"[")
        assert Answer(connection).status == 401
        assert connection.recv(1) == b""


def test_large_unfinished_bodies_of_one_key_are_bounded(service: Service, team: TeamHandle) -> None:
    begun = head("POST", JOBS, f"content-length: {2 * 2**20}", key=team.key) + b" " * (2**20 + 2**19)

    with many(service.url, 40, b"") as connections:
        for connection in connections:
            connection.sendall(begun)
        answered, _, _ = select.select(connections, [], [], TIMEOUT_S)
        refused = Answer(answered[0])

    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"

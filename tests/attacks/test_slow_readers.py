"""Clients that ask and do not read, or whose key is revoked while they read."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from service.core.db import transaction
from service.events.actions import NewEvent, append_all
from service.events.types import EventType
from tests.attacks.raw import TIMEOUT_S, head
from tests.gateway.rows import entries_of, holds_left
from tests.support.data import chat_file
from tests.support.processes import Api
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

MIB = 2**20
CHAT = "/v1/chat/completions"
_WINDOW_BYTES = 4096  # of the client, so that little of an answer fits into the network's buffers


@contextmanager
def deaf(url: str, count: int, request: bytes) -> Iterator[list[socket.socket]]:
    """Open `count` connections that send a request and read nothing."""
    where = urlsplit(url)
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.socket()) for _ in range(count)]
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
            connection.settimeout(TIMEOUT_S)
            connection.connect((where.hostname, where.port))
            connection.sendall(request)
        for connection in connections:
            assert connection.recv(1, socket.MSG_PEEK)  # its answer has begun, and all of it is still unread
        yield connections


def received(connection: socket.socket) -> int:
    """How many bytes are left to read once the server has reset the connection."""
    wait_until(lambda: is_reset(connection))
    count = 0
    try:
        while data := connection.recv(MIB):
            count += len(data)
    except ConnectionResetError:
        pass
    return count


def is_reset(connection: socket.socket) -> bool:
    """Whether the server has ended the connection, so that nothing can be sent on it."""
    try:
        connection.sendall(head("GET", "/healthz"))
    except OSError:
        return True
    return False


@pytest.fixture
def team(hasty: Service) -> TeamHandle:
    handle = hasty.make_team(budget_usd="5.00")
    hasty.admin.put(f"/v1/teams/{handle.id}/quotas", json={"requests_in_flight": 3}).raise_for_status()
    return handle


def is_full(team: TeamHandle) -> bool:
    """Whether all the requests that the team may have in flight are.

    Asking takes a place for a moment, which must not be one of a request that is on its way: see `deaf`.
    """
    return team.http.get("/v1/files").status_code == 429


def test_a_download_that_is_not_read_ends(team: TeamHandle, hasty: Service) -> None:
    rows = b'{"x": "%s"}\n' % (b"x" * 1000) * (20 * 1024)
    file = team.sdk.files.create(file=("large.jsonl", rows), purpose="fine-tune")
    path = f"/v1/files/{file.id}/content"

    with deaf(hasty.url, 3, head("GET", path, key=team.key)) as connections:
        wait_until(lambda: is_full(team))
        assert all(received(connection) < len(rows) for connection in connections)
    wait_until(lambda: not is_full(team))


def test_an_answer_that_is_not_read_ends(team: TeamHandle, hasty: Service) -> None:
    # One of them may fit into the buffers on the way; all of them together do not.
    asked = head("GET", "/openapi.json", key=team.key) * 40
    size_bytes = len(hasty.http(None).get("/openapi.json").content)

    with deaf(hasty.url, 3, asked) as connections:
        assert all(received(connection) < 40 * size_bytes for connection in connections)


def test_answers_that_strangers_do_not_read_leave_the_probes_open(service: Service) -> None:
    asked = head("GET", "/docs/swagger-ui-bundle.js")  # 1.5 MB
    with deaf(service.url, 70, asked * 4):
        wait_until(lambda: service.http(None).get("/docs").status_code == 429)

        assert service.http(None).get("/readyz").status_code in (200, 503)
        assert service.http(None).get("/status").status_code == 200
        assert service.http(None).post("/webhooks/trainer", content=b"{}").status_code in (400, 401)


def test_events_that_are_not_read_take_little_memory_and_end(
    team: TeamHandle, hasty: Service, hasty_process: Api
) -> None:
    file = team.sdk.files.create(file=("a.jsonl", chat_file()), purpose="fine-tune")
    job = team.sdk.fine_tuning.jobs.create(model="sandbox-mini", training_file=file.id)
    events = [NewEvent(EventType.JOB_MESSAGE, "long " * 400) for _ in range(1000)]
    with transaction() as session:
        for _ in range(5):
            append_all(session, team_id=team.id, subject_id=job.id, events=events)
    path = f"/v1/fine_tuning/jobs/{job.id}/events?stream=true"
    quota = {"requests_in_flight": 10}
    hasty.admin.put(f"/v1/teams/{team.id}/quotas", json=quota).raise_for_status()
    assert team.http.get("/v1/files").status_code == 200
    before = hasty_process.resident_megabytes()

    with deaf(hasty.url, 10, head("GET", path, key=team.key)) as connections:
        wait_until(lambda: is_full(team))
        grown = hasty_process.resident_megabytes() - before
        assert all(received(connection) < 8 * MIB for connection in connections)
    wait_until(lambda: not is_full(team))
    assert grown < 40  # the 10 logs together have 100 MB


def test_a_stream_of_a_model_that_is_not_read_ends_and_is_charged(
    team: TeamHandle, hasty: Service, trainer: TrainerProcess
) -> None:
    trainer.control.answers(chunks=40_000)
    asked = {"model": "sandbox-mini", "messages": [{"role": "user", "content": "x"}], "stream": True}
    body = json.dumps(asked).encode()
    request = head("POST", CHAT, f"content-length: {len(body)}", key=team.key) + body

    with deaf(hasty.url, 1, request):
        wait_until(lambda: entries_of(team.id))

    assert {row.tags["outcome"] for row in entries_of(team.id)} == {"left"}
    assert not holds_left(team.id)


def test_a_stream_of_events_ends_when_its_key_is_revoked(team: TeamHandle, hasty: Service) -> None:
    file = team.sdk.files.create(file=("a.jsonl", chat_file()), purpose="fine-tune")
    job = team.sdk.fine_tuning.jobs.create(model="sandbox-mini", training_file=file.id)
    key = hasty.admin.post(f"/v1/teams/{team.id}/keys", json={"name": "leaver", "scopes": ["read"]}).json()
    path = f"/v1/fine_tuning/jobs/{job.id}/events?stream=true"

    with hasty.http(key["secret"]).stream("GET", path) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("retry")
        hasty.admin.delete(f"/v1/teams/{team.id}/keys/{key['id']}").raise_for_status()

        def happens_unheard() -> bool:
            with transaction() as session:
                event = NewEvent(EventType.JOB_MESSAGE, "secret")
                append_all(session, team_id=team.id, subject_id=job.id, events=[event])
            return next(lines, None) is None

        wait_until(happens_unheard)

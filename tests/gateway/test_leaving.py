"""Callers who leave before the end, and callers who read slowly."""

import asyncio
import json
import socket

from tests.gateway.rows import entries_of, holds_left
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


def connect(team: TeamHandle, *, stream: bool) -> socket.socket:
    """A connection on which the request is sent and nothing is read yet."""
    host, port = team.service.url.removeprefix("http://").split(":")
    body = json.dumps({"model": "sandbox-mini", "messages": MESSAGES, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {team.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(head.encode() + body)
    return connection


def outcome_of(team: TeamHandle) -> str | None:
    rows = entries_of(team.id)
    return rows[0].tags["outcome"] if rows else None


def test_a_stream_that_is_left_is_charged_for_what_was_produced(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=500, chunk_interval_s=0.02)
    with connect(team, stream=True) as connection:
        received = b""
        while received.count(b"data: ") < 5:
            received += connection.recv(4096)
    assert wait_until(lambda: outcome_of(team)) == "left"
    written = {row.kind: row.quantity for row in entries_of(team.id)}["output_tokens"]
    assert 3 <= written < 200
    assert not holds_left(team.id)


def test_a_whole_answer_that_is_left_runs_to_its_end_and_is_charged_by_its_usage(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.answers(latency_s=1)
    before = trainer.control.requests().get("POST /v1/chat/completions", 0)
    with connect(team, stream=False):
        wait_until(lambda: trainer.control.requests().get("POST /v1/chat/completions", 0) > before)
    assert wait_until(lambda: outcome_of(team)) == "complete"
    rows = {row.kind: row for row in entries_of(team.id)}
    assert rows["output_tokens"].quantity > 0
    assert rows["output_tokens"].tags["counted_by"] == "provider"
    assert not holds_left(team.id)


def test_a_slow_reader_slows_the_provider_and_gets_everything(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=20_000)
    with connect(team, stream=True) as connection:
        received = connection.recv(1024)
        assert not wait_until_ended(team), "the answer cannot end before its reader takes it"
        while not received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            received += connection.recv(1 << 16)
    assert received.count(b'"content":') >= 20_000
    assert {row.tags["outcome"] for row in entries_of(team.id)} == {"complete"}


def wait_until_ended(team: TeamHandle) -> bool:
    """Whether the request ends within two seconds."""
    try:
        return bool(wait_until(lambda: outcome_of(team), timeout_s=2))
    except AssertionError:
        return False


def test_many_streams_at_once_each_get_their_own(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    trainer.control.answers(chunks=30, chunk_interval_s=0.01)

    async def one(number: int) -> str:
        async with service.async_sdk(team.key) as sdk:
            asked = [{"role": "user", "content": f"Say the number {number}."}]
            chunks = await sdk.chat.completions.create(model="sandbox-mini", messages=asked, stream=True)  # type: ignore[call-overload]
            return "".join([chunk.id async for chunk in chunks][-1:])

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(40)))

    ids = asyncio.run(all_of_them())
    assert len(set(ids)) == 40
    assert {row.subject_id for row in entries_of(team.id)} == set(ids)

"""The audit log arrives at its sink: everything, in order, once unless something crashed."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from service.audit.actions import append
from service.audit.export.actions import EXPORT, order_export
from service.core import work
from service.core.db import transaction
from service.settings import settings
from tests.support.clean import work_left
from worker.steps.audit import export

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "audit.jsonl"
    use(f"file://{path}", monkeypatch)
    yield path
    settings.cache_clear()


def use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUSE_AUDIT_SINK", url)
    settings.cache_clear()


def note(*actions: str) -> None:
    for action in actions:
        with transaction() as session:
            append(session, team_id="t", key_id="key_admin", by_admin=True, action=action, status_code=200)


def send(sink_url: str) -> int:
    """Do what a worker does; how many exports were due."""
    with transaction() as session:
        ordered = order_export(session, sink_url)
        lease = work.claim(session, EXPORT, sink_url, timedelta(minutes=1))
    if lease is not None:
        export(lease)
    return ordered


def lines(path: Path) -> list[str]:
    return [json.loads(line)["action"] for line in path.read_text().splitlines()]


def test_each_event_is_a_line_with_the_name_of_its_key_and_is_sent_once(sink: Path) -> None:
    note("a", "b")
    assert send(f"file://{sink}") == 1
    note("c")
    assert [send(f"file://{sink}"), send(f"file://{sink}")] == [1, 0]
    assert lines(sink) == ["a", "b", "c"]
    first = json.loads(sink.read_text().splitlines()[0])
    assert first["actor"] == {"type": "admin", "key_id": "key_admin", "name": "TUNEHOUSE_ADMIN_KEY"}
    assert sink.stat().st_mode & 0o077 == 0


def test_an_event_whose_transaction_commits_late_is_not_skipped(sink: Path) -> None:
    with ThreadPoolExecutor(1) as pool, transaction() as slow:
        append(slow, team_id="t", key_id="key_1", by_admin=False, action="slow", status_code=200)
        pool.submit(note, "quick").result(timeout=30)
        assert pool.submit(send, f"file://{sink}").result(timeout=30) == 0
    send(f"file://{sink}")
    assert sorted(lines(sink)) == ["quick", "slow"]


def test_what_a_sink_did_not_take_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "missing"
    url = f"file://{folder / 'audit.jsonl'}"
    use(url, monkeypatch)
    note("a")
    send(url)
    assert work_left() == [(EXPORT, url)]
    folder.mkdir()
    with transaction() as session:
        work.hasten(session, EXPORT, url)
    send(url)
    assert (lines(folder / "audit.jsonl"), work_left()) == (["a"], [])
    settings.cache_clear()


def test_a_syslog_server_gets_messages_with_their_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        url = f"syslog://127.0.0.1:{server.getsockname()[1]}"
        use(url, monkeypatch)
        note("a", "b")
        received = pool.submit(_receive, server)
        send(url)
        messages = received.result(timeout=30)
    settings.cache_clear()
    assert [json.loads(message.partition(" audit - ")[2])["action"] for message in messages] == ["a", "b"]
    assert all(message.startswith("<110>1 ") for message in messages)


def _receive(server: socket.socket) -> list[str]:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as stream:
        rest = stream.read()
    messages = []
    while rest:
        length, _, rest = rest.partition(b" ")
        messages.append(rest[: int(length)].decode())
        rest = rest[int(length) :]
    return messages

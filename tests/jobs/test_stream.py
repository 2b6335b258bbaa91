"""The stream of a job's events, over HTTP against a real database."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from sqlalchemy import event as listen
from sqlalchemy import text

from service.app import errors
from service.core.db import engine, transaction
from service.core.http.web import RequestSession
from service.events.actions import append
from service.events.types import EventType
from service.jobs import stream
from service.teams.actions import create_team
from tests.support.waiting import wait_until

JOB = "ftjob-1"


@pytest.fixture(scope="module")
def url(environment: dict[str, str]) -> Iterator[str]:
    """A server of the stream alone, in this process, so that its queries can be counted."""
    app = FastAPI()
    errors.install(app)

    @app.get("/events")
    def events(request: Request, session: RequestSession, team: Annotated[str, Query()]) -> Response:
        request.state.recheck = admit
        return stream.event_stream(session, request, team, JOB)

    async def admit() -> None:
        """As a door whose caller keeps a working key."""

    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1, lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def team(database: str) -> str:
    with transaction() as session:
        return create_team(session, name="Search", slug="search", labels={}).id


def happen(team: str, message: str = "", type_: EventType = EventType.JOB_MESSAGE) -> None:
    with transaction() as session:
        append(session, team_id=team, subject_id=JOB, type=type_, message=message)


class Listener:
    """One open stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.iter_lines()

    def block(self) -> dict[str, str]:
        """The fields of the next block; a comment's field is the empty name. Empty at the end."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line and fields:
                return fields
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
        return fields

    def event(self) -> tuple[int, str]:
        """The number and message of the next event."""
        fields = self.block()
        while "id" not in fields:
            assert fields
            fields = self.block()
        body: dict[str, Any] = json.loads(fields["data"])
        assert body["object"] == "fine_tuning.job.event"
        assert body["number"] == int(fields["id"])
        return int(fields["id"]), body["message"]


@contextmanager
def listening(url: str, team: str, last_event_id: str | None = None) -> Iterator[Listener]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with (
        httpx2.Client(trust_env=False, timeout=20) as client,
        client.stream("GET", f"{url}/events", params={"team": team}, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Listener(response)


def test_what_has_happened_comes_first_and_then_each_event_as_it_happens(url: str, team: str) -> None:
    happen(team, "one")
    happen(team, "two")
    with listening(url, team) as listener:
        assert [listener.event(), listener.event()] == [(1, "one"), (2, "two")]
        happen(team, "three")
        assert listener.event() == (3, "three")
        happen(team, "four")
        assert listener.event() == (4, "four")


def test_a_stream_resumes_after_the_last_event_seen(url: str, team: str) -> None:
    for message in ("one", "two", "three"):
        happen(team, message)
    with listening(url, team, "2") as listener:
        assert listener.event() == (3, "three")


def test_an_event_that_is_rolled_back_is_not_told(url: str, team: str) -> None:
    with listening(url, team) as listener:
        with transaction() as session:
            append(session, team_id=team, subject_id=JOB, type=EventType.JOB_MESSAGE, message="never")
            session.rollback()
        happen(team, "real")
        assert listener.event() == (1, "real")


def test_the_stream_ends_with_the_job_and_a_browser_that_returns_is_sent_away(url: str, team: str) -> None:
    with listening(url, team) as listener:
        happen(team, "running")
        happen(team, "done", EventType.JOB_SUCCEEDED)
        assert [listener.event(), listener.event()] == [(1, "running"), (2, "done")]
        assert listener.block() == {"data": "[DONE]"}
        assert listener.block() == {}
    again = httpx2.get(
        f"{url}/events", params={"team": team}, headers={"Last-Event-ID": "2"}, trust_env=False
    )
    assert again.status_code == 204


@pytest.mark.parametrize("last_event_id", ["x", "-1", "1.5", "1" * 30, "ftevent-1"])
def test_a_malformed_last_event_id_is_refused(url: str, team: str, last_event_id: str) -> None:
    headers = {"Last-Event-ID": last_event_id}
    answer = httpx2.get(f"{url}/events", params={"team": team}, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "last-event-id")


def test_an_idle_stream_has_a_heartbeat(url: str, team: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.1)
    with listening(url, team) as listener:
        assert listener.block() == {"retry": "2000"}
        assert [listener.block(), listener.block()] == [{"": "still here"}] * 2


def test_idle_listeners_ask_the_database_nothing_and_an_event_is_read_once_for_all(
    url: str, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.05)
    with ExitStack() as stack, ThreadPoolExecutor(30) as threads:
        listeners = list(threads.map(lambda _: stack.enter_context(listening(url, team)), range(30)))
        for listener in listeners:
            assert [listener.block(), listener.block()] == [{"retry": "2000"}, {"": "still here"}]
        queries: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("SELECT") and "FROM events" in statement and "LIMIT" in statement:
                queries.append(statement)

        listen.listen(engine(), "before_cursor_execute", note)
        try:
            for listener in listeners:
                for _ in range(3):
                    assert listener.block() == {"": "still here"}
            assert queries == []
            happen(team, "news")
            assert {listener.event() for listener in listeners} == {(1, "news")}
            assert len(queries) == 1
        finally:
            listen.remove(engine(), "before_cursor_execute", note)


def test_events_are_in_order_and_complete_however_many_come_while_one_catches_up(url: str, team: str) -> None:
    for number in range(1, 301):
        happen(team, str(number))
    writer = threading.Thread(target=lambda: [happen(team, str(number)) for number in range(301, 601)])
    with listening(url, team) as one, listening(url, team, "250") as other:
        writer.start()
        assert [one.event() for _ in range(600)] == [(n, str(n)) for n in range(1, 601)]
        assert [other.event() for _ in range(350)] == [(n, str(n)) for n in range(251, 601)]
        writer.join()


def test_a_cut_connection_to_the_database_loses_no_event(url: str, team: str) -> None:
    with listening(url, team) as listener:
        happen(team, "before")
        assert listener.event() == (1, "before")
        with transaction() as session:
            tails = "FROM pg_stat_activity WHERE application_name = 'tunehouse-tail'"
            # Other apis of this run may listen too.
            cut = session.scalars(text(f"SELECT pg_terminate_backend(pid) {tails}")).all()
            assert set(cut) == {True}
        happen(team, "meanwhile")
        assert listener.event() == (2, "meanwhile")
        happen(team, "after")
        assert listener.event() == (3, "after")


def test_another_team_hears_nothing(url: str, team: str) -> None:
    with transaction() as session:
        other = create_team(session, name="Ads", slug="ads", labels={}).id
    happen(team, "done", EventType.JOB_FAILED)
    with listening(url, other) as listener:
        assert listener.block() == {"retry": "2000"}

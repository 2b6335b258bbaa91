"""The statements and thread turns of the routes that are called most, which must not grow unnoticed."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import anyio.to_thread
import httpx2
import pytest
from sqlalchemy import event

from service.core.db import engine, transaction
from service.teams.keys.actions import create_key
from service.teams.keys.scopes import Scope
from service.teams.queries import get_team
from tests.jobs.hands import make_file, make_job, make_team

# Statements, without BEGIN and COMMIT, and turns of a thread, by route.
LIMITS = {
    "GET /v1/fine_tuning/jobs/{job}": (1, 1),
    "GET /v1/fine_tuning/jobs": (2, 1),
    "GET /v1/fine_tuning/jobs/{job}/events": (2, 1),
    "GET /v1/models": (3, 1),
    "GET /v1/models/sandbox-mini": (3, 1),
    "GET /v1/files": (1, 1),
    "GET /v1/files/{file}": (1, 1),
    "GET /v1/me": (9, 1),
    "GET /v1/teams/{team}/budget": (4, 1),
    "GET /v1/costs": (1, 1),
    "POST /v1/fine_tuning/jobs": (10, 4),
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """The statements that this process sends and the turns of threads that its event loops take."""
    seen: Counter[str] = Counter()
    run_sync = anyio.to_thread.run_sync

    async def run_and_count(*arguments: Any, **options: Any) -> Any:
        seen["turns"] += 1
        return await run_sync(*arguments, **options)

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen["statements"] += 1

    monkeypatch.setattr(anyio.to_thread, "run_sync", run_and_count)
    event.listen(engine(), "before_cursor_execute", note)
    yield seen
    event.remove(engine(), "before_cursor_execute", note)


def test_the_hottest_routes_take_no_more_statements_and_turns_than_they_need(
    url: str, counted: Counter[str]
) -> None:
    team = make_team()
    file = make_file(team)
    job = make_job(team, file)
    with transaction() as session:
        key = create_key(session, team=get_team(session, team), name="ci", scopes=list(Scope))[1]
    taken = {}
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:
        for route in LIMITS:
            method, _, path = route.partition(" ")
            body = {"model": "sandbox-mini", "training_file": file} if method == "POST" else None
            seen = []
            for _ in range(4):  # the first reads the caller, and a slow machine may forget it before the next
                counted.clear()
                answer = client.request(method, path.format(job=job, file=file, team=team), json=body)
                assert answer.status_code == 200, answer.text
                seen.append((counted["statements"], counted["turns"]))
            statements, turns = zip(*seen, strict=True)
            taken[route] = (min(statements), min(turns))
    assert {
        route: most
        for route, most in taken.items()
        if most[0] > LIMITS[route][0] or most[1] > LIMITS[route][1]
    } == {}

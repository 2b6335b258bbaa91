"""The costs that a provider reports, read over HTTP and stored beside what we booked."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from service.core import work
from service.core.db import transaction
from service.jobs.kinds import RECONCILE_PROVIDER
from service.jobs.upstream.reconcile import span_of, yesterday
from service.ledger.actions import settle
from service.ledger.closing.tables import DriftReport
from service.settings import settings
from tests.ledger.make import charge, team
from tests.providers.raw_server import KEY, Answer, RawServer, Seen
from worker.run import run_step

NO_JOBS = {"object": "list", "data": [], "has_more": False}


def bucket(*amounts: float) -> dict[str, Any]:
    """A day's costs in OpenAI's shape."""
    results = [
        {"object": "organization.costs.result", "amount": {"value": amount, "currency": "usd"}}
        for amount in amounts
    ]
    return {"object": "bucket", "start_time": 0, "end_time": 86400, "results": results}


def respond(seen: Seen) -> Answer:
    """Two pages of costs for the requested day, and no jobs."""
    asked = parse_qs(urlsplit(seen.path).query)
    if "/organization/costs" not in seen.path:
        return Answer(body=NO_JOBS)
    start, end = span_of(yesterday())
    assert asked["start_time"] == [str(int(start.timestamp()))]
    assert asked["end_time"] == [str(int(end.timestamp()))]
    if "page" not in asked:
        return Answer(
            body={"object": "page", "data": [bucket(0.1, 0.2)], "has_more": True, "next_page": "p2"}
        )
    return Answer(body={"object": "page", "data": [bucket(1.2)], "has_more": False, "next_page": None})


@pytest.fixture
def openai_at(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """Start a server that answers like OpenAI and is this process's only provider."""
    with RawServer(respond) as server, monkeypatch.context() as patched:
        one = {
            "name": "openai",
            "kind": "openai",
            "base_url": server.base_url,
            "api_key": KEY,
            "timeout_s": 2,
        }
        patched.setitem(os.environ, "TUNEHOUSE_PROVIDERS", json.dumps([one]))
        settings.cache_clear()
        yield server
    settings.cache_clear()


@pytest.mark.usefixtures("openai_at")
def test_yesterdays_costs_at_the_provider_stand_beside_ours() -> None:
    start, _ = span_of(yesterday())
    with transaction() as session:
        one = team(session)
        settle(
            session,
            team_id=one,
            subject_id="a",
            charges=[charge("a", provider="openai", occurred_at=start)],
        )
        work.schedule(session, RECONCILE_PROVIDER, "openai")
    run_step(RECONCILE_PROVIDER, "openai")
    with transaction() as session:
        (report,) = session.scalars(select(DriftReport)).all()
        assert (report.theirs_usd, report.ours_usd) == (Decimal("1.5"), Decimal("0.1"))
        assert report.day == yesterday()

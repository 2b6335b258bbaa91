"""A team that sends files, and a database that no worker process looks at."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from service.core.db import engine, transaction
from service.core.migrate import upgrade
from service.settings import settings
from service.teams.actions import create_team
from tests.support.clean import clean
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle


@pytest.fixture
def team(service: Service, worker: Worker) -> TeamHandle:
    """A team with a key of every scope, and a worker that is through with its files when the test ends."""
    return service.make_team()


@pytest.fixture(scope="session")
def quiet_url(environment: dict[str, str], postgres_url: str) -> str:
    """The URL of a migrated database of which no worker process knows."""
    url = make_url(postgres_url).set(database="quiet").render_as_string(hide_password=False)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE DATABASE quiet")
    upgrade(url)
    return url


@pytest.fixture
def quiet(quiet_url: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps happen only when the test does them: `transaction()` works on a database of its own."""
    with monkeypatch.context() as patched:
        patched.setitem(os.environ, "TUNEHOUSE_DATABASE_URL", quiet_url)
        _start_over()
        yield
        clean(quiet_url.replace("+psycopg", ""))
    _start_over()


@pytest.fixture
def team_id(quiet: None) -> str:
    """A team in the quiet database."""
    with transaction() as session:
        return create_team(session, name="Team", slug="team", labels={}).id


def _start_over() -> None:
    engine().dispose()
    engine.cache_clear()
    settings.cache_clear()

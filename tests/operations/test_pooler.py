"""pgbouncer in transaction mode, which knows neither startup options nor prepared statements."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from service.app.readiness import check_database
from service.core.db import reading, transaction
from service.errors import Unavailable
from tests.conftest import ADMIN_KEY, patched_database_url
from tests.jobs.story import run, start
from tests.operations.servers import PgBouncer, Postgres
from tests.support.plain import NO_CERTIFICATES
from tests.support.processes import Api, Worker
from tests.support.service import Service
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def pooler(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[PgBouncer]:
    """pgbouncer with four connections to the server."""
    server = PgBouncer(tmp_path_factory.mktemp("pgbouncer"), postgres)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pooled(
    pooler: PgBouncer, postgres: Postgres, providers_environment: dict[str, str], folder: Path
) -> Iterator[Service]:
    """An api and a worker behind pgbouncer, set up as the docs say."""
    direct = postgres.url("tunehouse", "tunehouse_app")
    env = providers_environment | {
        "TUNEHOUSE_DATABASE_URL": pooler.url(),
        "TUNEHOUSE_DIRECT_DATABASE_URL": direct,
        "TUNEHOUSE_REPORTS_DATABASE_URL": direct,
    }
    api, worker = Api(env, folder), Worker(env, folder)
    api.start()
    worker.start()
    with Service(api.url, ADMIN_KEY) as service:
        yield service
    worker.stop()
    api.stop()


def test_a_job_inference_and_a_stream_of_events_work(pooled: Service) -> None:
    team = pooled.make_team(budget_usd="5.00")
    job = run(team.sdk, model="gpt-4o-mini-2024-07-18")
    for _ in range(12):
        answer = team.sdk.chat.completions.create(
            model=job.fine_tuned_model or "", messages=[{"role": "user", "content": "Hello"}], max_tokens=5
        )
        assert answer.usage is not None
    wait_until(lambda: len(kinds_charged(team.http)) > 1)
    second = start(team.sdk)
    with team.http.stream(
        "GET", f"/v1/fine_tuning/jobs/{second.id}/events", params={"stream": "true"}
    ) as lines:
        assert any("New fine-tuned model created" in line for line in lines.iter_lines())


def kinds_charged(http: httpx2.Client) -> set[str]:
    """The kinds of charges in the cost report, which comes from the database for reports."""
    rows = http.get("/v1/costs", params={"group_by": "kind"}).json()["data"]
    return {row["kind"] for row in rows}


def test_concurrent_reads_never_fail_on_a_statement_that_another_connection_prepared(pooled: Service) -> None:
    team = pooled.make_team()

    def read(_: int) -> int:
        return team.http.get("/v1/fine_tuning/jobs").status_code

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(read, range(240))) == {200}


def test_each_transaction_sets_its_own_limits(
    pooler: PgBouncer, postgres: Postgres, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEHOUSE_DIRECT_DATABASE_URL", postgres.url("tunehouse", "tunehouse_app"))
    with patched_database_url(pooler.url()):
        check_database()
        with transaction() as session:
            connection = session.connection().connection.driver_connection
            assert isinstance(connection, psycopg.Connection)
            assert connection.execute("SHOW lock_timeout").fetchone() == ("20s",)
    with psycopg.connect(pooler.url().replace("+psycopg", "")) as other:
        assert other.execute("SHOW lock_timeout").fetchone() == ("0",)
    monkeypatch.undo()


def test_reports_read_elsewhere_and_cannot_write(
    postgres: Postgres, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEHOUSE_REPORTS_DATABASE_URL", postgres.url("postgres"))
    with patched_database_url(postgres.url("tunehouse", "tunehouse_app")):
        with reading(reports=True) as session:
            assert session.scalar(text("SELECT current_database()")) == "postgres"
        with reading(reports=True) as session, pytest.raises(InternalError, match="read-only"):
            session.execute(text("CREATE TABLE note (text text)"))
    monkeypatch.undo()


@pytest.mark.parametrize("ignored", ["", "options"])
def test_without_a_direct_url_readiness_says_what_to_set(
    ignored: str, tmp_path: Path, postgres: Postgres, environment: dict[str, str]
) -> None:
    server = PgBouncer(tmp_path, postgres, ignored=ignored)
    server.start()
    try:
        with (
            patched_database_url(server.url()),
            pytest.raises(Unavailable, match="Set TUNEHOUSE_DIRECT_DATABASE_URL"),
        ):
            check_database()
    finally:
        server.stop()


def test_ready_means_that_the_pooler_passes_transactions(pooled: Service) -> None:
    assert httpx2.get(f"{pooled.url}/readyz", trust_env=False, verify=NO_CERTIFICATES).status_code == 200

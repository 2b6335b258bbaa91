"""Readiness is about one process; the status is about the whole installation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from migrations import REVISION
from service.app.readiness import check_database, check_storage
from service.core.postgres.migrate import config, upgrade
from service.core.storage import storage
from service.errors import TunehouseError
from service.local.errors import EmbeddedError
from service.local.prepare import migrate
from service.settings import settings
from tests.conftest import patched_database_url
from tests.support import superuser
from tests.support.clean import dsn
from tests.support.plain import NO_CERTIFICATES
from tests.support.processes import Api, Worker
from tests.support.service import Service
from tests.support.waiting import wait_until

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def get(api_url: str, path: str) -> httpx2.Response:
    return httpx2.get(api_url + path, trust_env=False, verify=NO_CERTIFICATES, timeout=30)


def test_the_constant_is_the_newest_revision() -> None:
    scripts = ScriptDirectory.from_config(config("postgresql://"))
    assert scripts.get_current_head() == REVISION


def test_without_a_broker_and_workers_an_api_is_ready_and_the_status_is_degraded(
    environment: dict[str, str], quiet_url: str, folder: Path
) -> None:
    here = {"TUNEHOUSE_DATABASE_URL": quiet_url, "TUNEHOUSE_REDIS_URL": NOBODY_LISTENS}
    api = Api(environment | here, folder)
    api.start()
    try:
        assert get(api.url, "/readyz").status_code == 200
        status = get(api.url, "/status").json()
    finally:
        api.stop()
    assert status["status"] == "degraded"
    assert [status[part]["ok"] for part in ("database", "storage", "broker", "workers")] == [
        True,
        True,
        False,
        False,
    ]
    assert status["workers"] == {"ok": False, "problem": "No worker is alive. Start one.", "alive": 0}
    assert status["backlog"] == {"due": 0, "oldest_due_s": 0.0, "failing": 0}


def test_the_status_counts_workers_that_live(service: Service, worker: Worker) -> None:
    wait_until(lambda: get(str(service.admin.base_url), "/status").json()["workers"]["alive"] >= 1)


@contextmanager
def scratch_database(migrated: bool) -> Iterator[str]:
    """A database for one test, in the server of all tests."""
    url = superuser.url_of("scratch")
    with psycopg.connect(dsn(superuser.url), autocommit=True) as server:
        server.execute("CREATE DATABASE scratch")
        try:
            if migrated:
                upgrade(url)
            with patched_database_url(url):
                yield url
        finally:
            server.execute("DROP DATABASE scratch WITH (FORCE)")


def set_schema(url: str, revision: str, works_from: str) -> None:
    """Make a database look as if another version had migrated it."""
    body = sql.SQL("CREATE OR REPLACE FUNCTION schema_works_from() RETURNS text LANGUAGE sql RETURN {}")
    with psycopg.connect(dsn(url), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        connection.execute(body.format(sql.Literal(works_from)))


@pytest.mark.usefixtures("environment")
def test_an_empty_database_is_not_ready() -> None:
    with scratch_database(migrated=False), pytest.raises(TunehouseError, match="Run `tunehouse migrate`"):
        check_database()


@pytest.mark.usefixtures("environment")
def test_a_schema_is_ready_if_the_code_works_with_it() -> None:
    with scratch_database(migrated=True) as url:
        check_database()
        set_schema(url, revision="0000", works_from="0000")
        with pytest.raises(
            TunehouseError, match=f"revision 0000 and needs {REVISION}. Run `tunehouse migrate`"
        ):
            check_database()
        set_schema(url, revision="9999", works_from="9999")
        with pytest.raises(TunehouseError, match="needs a newer Tunehouse than this one"):
            check_database()
        with pytest.raises(EmbeddedError, match="needs a newer Tunehouse than this one"):
            migrate(url)
        set_schema(url, revision="9999", works_from=REVISION)
        check_database()
        assert migrate(url)  # changes nothing; a superuser's role is in danger all the same


@pytest.mark.usefixtures("environment")
def test_a_folder_that_cannot_be_written_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TUNEHOUSE_STORAGE_URL", f"file://{tmp_path}/file")
    settings.cache_clear()
    storage.cache_clear()
    try:
        with pytest.raises(TunehouseError, match="Storage is unavailable"):
            check_storage()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
        storage.cache_clear()

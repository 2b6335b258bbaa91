"""Tunehouse on the servers that companies run: Debian's PostgreSQL, Redis, pgbouncer, haproxy, Prometheus.

Run by `make test-operations`, not by `make test`. The tests start the servers themselves. Where one is not
installed, its tests are skipped; `.ci/install-operations` installs all of them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.local.prepare import migrate
from tests.conftest import patched_database_url
from tests.operations.servers import Postgres, Redis


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out of a run that does not name it."""
    return None if any("operations" in argument for argument in config.args) else True


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own, not yet started."""
    server = Redis(tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(folder: Path, environment: dict[str, str]) -> Iterator[Postgres]:
    """Debian's PostgreSQL with a migrated database `tunehouse`."""
    place = folder / "debian"
    place.mkdir()
    server = Postgres(place, ["max_connections=200"])
    try:
        server.start()
        server.make_database()
        with patched_database_url(server.url("tunehouse", "tunehouse_app")):
            migrate(server.url("tunehouse", "tunehouse_app"), server.url("tunehouse", "tunehouse_owner"))
        yield server
    finally:
        server.remove()

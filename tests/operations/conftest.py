"""Tunehouse on the servers that companies run: Debian's PostgreSQL, Redis, pgbouncer, haproxy, Prometheus.

Run by `make test-operations`, not by `make test`. The tests start the servers themselves. Where one is not
installed, its tests are skipped; `.ci/install-operations` installs all of them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.servers import Redis


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out of a run that does not name it."""
    return None if any("operations" in argument for argument in config.args) else True


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own, not yet started."""
    server = Redis(tmp_path)
    yield server
    server.stop()

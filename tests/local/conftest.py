"""Fixtures of the embedded servers' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.local.postgres import PostgresServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A running PostgreSQL of this module."""
    made = PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def no_namespaces(tmp_path: Path) -> Path:
    """A folder for the front of PATH that makes user namespaces look forbidden."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (folder / "unshare").chmod(0o755)
    return folder

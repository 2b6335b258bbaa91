"""An api process that waits for nobody for long, so that its time bounds can be met within a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ADMIN_KEY
from tests.support.processes import Api
from tests.support.service import Service

_HASTY = {
    "TUNEHOUSE_HEADER_TIMEOUT_S": "1",
    "TUNEHOUSE_BODY_TIMEOUT_S": "1",
}


@pytest.fixture(scope="session")
def hasty_process(providers_environment: dict[str, str], folder: Path) -> Iterator[Api]:
    """The process."""
    process = Api(providers_environment | _HASTY, folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def hasty(hasty_process: Api, service_database: str) -> Iterator[Service]:
    """The hasty api with an empty database behind it."""
    with Service(hasty_process.url, ADMIN_KEY) as running:
        yield running

"""An api process with short time bounds, behind a proxy that it believes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ADMIN_KEY
from tests.support.processes import Api
from tests.support.service import Service

# Short enough to be met within a test.
_HASTY = {
    "TUNEHOUSE_HEADER_TIMEOUT_S": "1",
    "TUNEHOUSE_BODY_TIMEOUT_S": "1",
    "TUNEHOUSE_TRUSTED_PROXIES": '["127.0.0.0/8"]',
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

"""Api processes with settings of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import ADMIN_KEY
from tests.support.processes import Api
from tests.support.service import Service

StartApi = Callable[..., tuple[Api, Service]]


@pytest.fixture
def start_api(
    providers_environment: dict[str, str], folder: Path, service_database: str
) -> Iterator[StartApi]:
    """Start further api processes on the same database; settings as keyword arguments."""
    with ExitStack() as started:

        def start(**settings: str) -> tuple[Api, Service]:
            names = {f"TUNEHOUSE_{name.upper()}": value for name, value in settings.items()}
            api = Api(providers_environment | names, folder)
            api.start()
            started.callback(api.stop)
            return api, started.enter_context(Service(api.url, ADMIN_KEY))

        yield start

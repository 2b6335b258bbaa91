"""An api process with short time bounds, behind a proxy that it believes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url

from service.catalog.seed import sync_prices
from service.core.db import transaction
from tests.attacks.hostile import Hostile, hostile
from tests.attacks.plots import JOB_PLOTS, Plots
from tests.conftest import ADMIN_KEY, patched_database_url
from tests.support.processes import Api, Process, Worker
from tests.support.service import Service

# Short enough to be met within a test.
_HASTY = {
    "TUNEHOUSE_HEADER_TIMEOUT_S": "1",
    "TUNEHOUSE_BODY_TIMEOUT_S": "1",
    "TUNEHOUSE_UNREAD_TIMEOUT_S": "4",
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


@dataclass(frozen=True)
class Besieged:
    """What is attacked, and who attacks it."""

    service: Service
    database_url: str
    enemy: Hostile
    api: Process
    worker: Process

    def peak_megabytes(self) -> dict[str, float]:
        """The most memory that each process ever held."""
        return {process.name: process.resident_megabytes("VmHWM") for process in (self.api, self.worker)}


@pytest.fixture(scope="package")
def besieged(environment: dict[str, str], postgres_url: str, folder: Path) -> Iterator[Besieged]:
    """The processes, over a database that no others know."""
    url = make_url(postgres_url).set(database="besieged").render_as_string(hide_password=False)
    with patched_database_url(url), transaction() as session:
        sync_prices(session)
    with hostile(Plots().answer) as enemy:
        providers = [
            {
                "name": plot.replace("_", "-"),
                "kind": "trainer",
                "base_url": f"http://127.0.0.1:{enemy.port}/{plot}/v1",
                "api_key": "sk-hostile-key",
                "timeout_s": 2,
            }
            for plot in JOB_PLOTS
        ]
        env = environment | {
            "TUNEHOUSE_DATABASE_URL": url,
            "TUNEHOUSE_REDIS_URL": environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/7",
            "TUNEHOUSE_PROVIDERS": json.dumps(providers),
            "TUNEHOUSE_CREATE_GRACE_S": "2.5",
            "TUNEHOUSE_WEBHOOK_RETRY_SCHEDULE_S": "[]",
        }
        api, worker = Api(env, folder), Worker(env, folder)
        worker.start()
        api.start()
        with Service(api.url, ADMIN_KEY) as service:
            yield Besieged(service, url, enemy, api, worker)
        api.stop()
        worker.kill()


@pytest.fixture
def in_their_database(besieged: Besieged) -> Iterator[None]:
    """Let `transaction()` of this process read what the attacked ones wrote."""
    with patched_database_url(besieged.database_url):
        yield

"""Fixtures: real Postgres, real Valkey, and the real processes on top of them.

database   this process's `transaction()` works on an empty, migrated database that no other process knows
service    an api process on that database; teams are made through it
worker     a worker process beside it; the test ends red when work is left queued
trainer    the sandbox trainer as the service's upstream, with its control API
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import OpenAI
from sqlalchemy import make_url

from service.catalog.seed import sync_prices
from service.core.db import engine, transaction
from service.core.postgres.migrate import upgrade
from service.local.postgres import APPLICATION, OWNER, PostgresServer
from service.local.valkey import ValkeyServer
from service.settings import settings
from tests.support import superuser
from tests.support.clean import clean, start_over, work_left
from tests.support.plain import sdk_client
from tests.support.processes import Api, Worker, free_port
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until
from trainer.settings import SANDBOX_BASES

ADMIN_KEY = "th-admin-key-of-the-tests"
WEBHOOK_SECRET = "whsec_dGVzdHMgb25seSwgbm90IGEgc2VjcmV0IQ=="
BASES = [
    SANDBOX_BASES,
    "gpt-4.1-mini-2025-04-14",
    "gpt-4o-mini-2024-07-18",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this worker's servers keep their data and logs."""
    return tmp_path_factory.mktemp("tunehouse")


@pytest.fixture(scope="session")
def postgres_url(folder: Path) -> Iterator[str]:
    """A Postgres server with two migrated databases; the URL of the one that all processes share.

    It is the application's role that connects, as in production.
    """
    server = PostgresServer(folder / "postgres", durable=False)
    superuser.url = server.start()
    superuser.owner_url, url = server.create_owned_database("tunehouse")
    upgrade(superuser.owner_url, APPLICATION)
    server.create_database("quiet", template="tunehouse", owner=OWNER)
    server.create_database("besieged", template="tunehouse", owner=OWNER)  # see tests/attacks
    yield url
    server.stop()


@pytest.fixture(scope="session")
def redis_url(folder: Path) -> Iterator[str]:
    """A Valkey server."""
    server = ValkeyServer(folder / "valkey")
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def trainer_process(folder: Path, api_port: int) -> Iterator[TrainerProcess]:
    """The sandbox trainer, which calls the api's webhook route."""
    process = TrainerProcess(
        folder / "trainer",
        bases=BASES,
        control=True,
        webhook_url=f"http://127.0.0.1:{api_port}/webhooks/trainer",
        webhook_secret=WEBHOOK_SECRET,
        step_ms=1,
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def api_port() -> int:
    """The api's port, known before it starts because the trainer must know it too."""
    return free_port()


@pytest.fixture(scope="session")
def environment(folder: Path, postgres_url: str, redis_url: str) -> Iterator[dict[str, str]]:
    """The settings of every process under test, and of this one."""
    env = {
        "TUNEHOUSE_DATABASE_URL": postgres_url,
        "TUNEHOUSE_REDIS_URL": redis_url,
        "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
        "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
        "TUNEHOUSE_SWEEP_INTERVAL_S": "0.2",
        "TUNEHOUSE_POLL_INTERVAL_S": "0.5",
        "TUNEHOUSE_CREATE_GRACE_S": "3",
        "TUNEHOUSE_DRAIN_S": "5",
        "TUNEHOUSE_SHUTDOWN_DELAY_S": "0",
        "TUNEHOUSE_WEBHOOK_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "TUNEHOUSE_LOG_FORMAT": "console",
    }
    os.environ |= env
    settings.cache_clear()
    with transaction() as session:
        sync_prices(session)
    yield env
    engine().dispose()


@pytest.fixture(scope="session")
def quiet_url(environment: dict[str, str], postgres_url: str) -> str:
    """The URL of the database of which no api or worker process knows, with the shipped prices in it."""
    url = make_url(postgres_url).set(database="quiet").render_as_string(hide_password=False)
    with patched_database_url(url), transaction() as session:
        sync_prices(session)
    return url


@contextmanager
def patched_database_url(url: str) -> Iterator[None]:
    """Let `transaction()` of this process work on another database for a while."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(os.environ, "TUNEHOUSE_DATABASE_URL", url)
        start_over()
        yield
    start_over()


@pytest.fixture
def database(quiet_url: str) -> Iterator[str]:
    """A database of this process alone: steps happen only when the test does them; its URL."""
    with patched_database_url(quiet_url):
        yield quiet_url
        clean(quiet_url)


@pytest.fixture
def service_database(environment: dict[str, str], postgres_url: str) -> Iterator[str]:
    """The database of the api and worker processes, emptied after the test; its URL."""
    yield postgres_url
    clean(postgres_url)


@pytest.fixture(scope="session")
def providers_environment(environment: dict[str, str], trainer_process: TrainerProcess) -> dict[str, str]:
    """The same settings with the trainer as provider, under two names."""
    (trainer,) = json.loads(trainer_process.as_provider("trainer", webhook_secret=WEBHOOK_SECRET))
    # The same upstream once more, as if it were OpenAI: its catalogue has real names, prices and dates.
    providers = json.dumps([trainer, trainer | {"name": "openai", "kind": "openai"}])
    os.environ["TUNEHOUSE_PROVIDERS"] = providers
    settings.cache_clear()
    return environment | {"TUNEHOUSE_PROVIDERS": providers}


@pytest.fixture(scope="session")
def api_process(providers_environment: dict[str, str], api_port: int, folder: Path) -> Iterator[Api]:
    """The api."""
    process = Api(providers_environment, folder, api_port)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def worker_process(providers_environment: dict[str, str], folder: Path) -> Iterator[Worker]:
    """The worker."""
    process = Worker(providers_environment, folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def trainer(trainer_process: TrainerProcess) -> Iterator[TrainerProcess]:
    """The trainer, with its faults cleared after the test."""
    yield trainer_process
    trainer_process.control.reset()


@pytest.fixture
def upstream(trainer_process: TrainerProcess) -> Iterator[OpenAI]:
    """The trainer as its own clients see it, past Tunehouse."""
    with OpenAI(
        base_url=trainer_process.base_url, api_key=trainer_process.api_key, http_client=sdk_client()
    ) as client:
        yield client


@pytest.fixture
def service(api_process: Api, service_database: str) -> Iterator[Service]:
    """The api with an empty database behind it."""
    with Service(api_process.url, ADMIN_KEY) as running:
        yield running


@pytest.fixture
def worker(worker_process: Worker, service_database: str) -> Iterator[Worker]:
    """A worker at work; the test ends red when work is left queued."""
    yield worker_process
    wait_until(lambda: not work_left())

"""A rolling restart behind haproxy loses no request, no hold and no token."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import ADMIN_KEY
from tests.operations.load import Load, check_books
from tests.operations.servers import Haproxy
from tests.support.plain import NO_CERTIFICATES
from tests.support.processes import Api, Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until


@pytest.fixture
def apis(
    providers_environment: dict[str, str], folder: Path, service_database: str
) -> Iterator[tuple[Api, Api]]:
    """Two apis."""
    delay = {"TUNEHOUSE_SHUTDOWN_DELAY_S": "6"}
    made = Api(providers_environment | delay, folder), Api(providers_environment | delay, folder)
    for process in made:
        process.start()
    yield made
    for process in made:
        process.kill()


@pytest.fixture
def balancer(apis: tuple[Api, Api], folder: Path) -> Iterator[Haproxy]:
    """haproxy with our configuration in front of them."""
    made = Haproxy(folder, [f"127.0.0.1:{api.port}" for api in apis])
    made.start()
    wait_until(lambda: status(made.url, "/readyz") == 200)
    yield made
    made.stop()


def status(url: str, path: str) -> int:
    return httpx2.get(f"{url}{path}", trust_env=False, verify=NO_CERTIFICATES).status_code


def serves(api: Api) -> bool:
    """Whether the balancer sends requests to it, as an operator makes sure before the next restart."""
    page = httpx2.get(f"{api.url}/metrics", trust_env=False, verify=NO_CERTIFICATES).text
    return 'route="/v1/fine_tuning/jobs",status="200"' in page


def test_a_rolling_restart_under_load_loses_no_request_hold_or_token(
    apis: tuple[Api, Api],
    balancer: Haproxy,
    providers_environment: dict[str, str],
    folder: Path,
    trainer: TrainerProcess,
) -> None:
    worker = Worker(providers_environment, folder)
    worker.start()
    trainer.control.answers(latency_s=0.05, chunks=5)
    wait_until(trainer.control.is_idle)
    trainer.control.forget_requests()
    try:
        with Service(balancer.url, ADMIN_KEY) as service:
            team = service.make_team(budget_usd="500.00")
            with Load(team) as load:
                for process in (*apis, worker):
                    wait_until(lambda: all(serves(api) for api in apis))
                    process.stop()
                    process.start()
                wait_until(lambda: all(serves(api) for api in apis))
                load.wait_for_more()
            assert not load.failures
            check_books(team, trainer)
    finally:
        worker.stop()


def test_a_stopping_api_is_not_ready_and_answers_on_during_its_delay(
    providers_environment: dict[str, str], folder: Path
) -> None:
    api = Api(providers_environment | {"TUNEHOUSE_SHUTDOWN_DELAY_S": "600"}, folder)
    api.start()
    assert api.process is not None
    api.process.send_signal(signal.SIGTERM)
    wait_until(lambda: status(api.url, "/readyz") == 503)
    assert status(api.url, "/status") == 200
    assert status(api.url, "/v1/models") == 401
    api.stop()  # the second signal, which ends the delay

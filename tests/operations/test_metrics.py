"""What Prometheus scrapes from api and worker, and that every line of their logs is JSON."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import make_url

from service.catalog.seed import sync_prices
from service.core.db import transaction
from service.local.programs import api_argv
from tests.conftest import ADMIN_KEY, patched_database_url
from tests.jobs.story import run
from tests.operations.servers import program
from tests.support.plain import NO_CERTIFICATES
from tests.support.processes import Api, Worker, free_port
from tests.support.service import Service
from tests.support.waiting import wait_until
from worker.metrics.server import MetricsServer


def get(url: str) -> httpx2.Response:
    return httpx2.get(url, trust_env=False, verify=NO_CERTIFICATES, timeout=30)


@dataclass
class Scrapes:
    """The pages of one installation after a job, a request for a model's answer and a webhook."""

    api: str
    worker: str
    installation: str
    logs: list[str]
    team: str


@pytest.fixture(scope="module")
def scrapes(providers_environment: dict[str, str], postgres_url: str, folder: Path) -> Scrapes:
    """An api of two processes and a worker, their metrics, and their logs once they have stopped.

    They have a database to themselves, so that no other worker does their steps.
    """
    url = make_url(postgres_url).set(database="besieged").render_as_string(hide_password=False)
    with patched_database_url(url), transaction() as session:
        sync_prices(session)
    port = free_port()
    env = providers_environment | {
        "TUNEHOUSE_DATABASE_URL": url,
        "TUNEHOUSE_REDIS_URL": providers_environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/7",
        "TUNEHOUSE_LOG_FORMAT": "json",
        "TUNEHOUSE_WORKER_METRICS_ADDRESS": f"127.0.0.1:{port}",
    }
    api, worker = Api(env, folder), Worker(env, folder)
    api.argv = api_argv("127.0.0.1", api.port, processes=2)
    api.start()
    worker.start()
    try:
        with Service(api.url, ADMIN_KEY) as service:
            team = service.make_team(budget_usd="5.00")
            job = run(team.sdk, model="gpt-4o-mini-2024-07-18")
            team.sdk.chat.completions.create(
                model=job.fine_tuned_model or "", messages=[{"role": "user", "content": "Hi"}], max_tokens=5
            )
            team.http.get("/v1/nowhere")
            installation = wait_until(lambda: complete(f"http://127.0.0.1:{port}/installation", team.slug))
            found = Scrapes(
                api=get(f"{api.url}/metrics").text,
                worker=get(f"http://127.0.0.1:{port}/metrics").text,
                installation=installation,
                logs=[],
                team=team.slug,
            )
            assert get(f"http://127.0.0.1:{port}/elsewhere").status_code == 404
    finally:
        worker.stop()
        api.stop()
    found.logs = [*api.log_path.read_text().splitlines(), *worker.log_path.read_text().splitlines()]
    return found


def complete(url: str, team: str) -> str | None:
    """The page once it has the team's figures; it may be ten seconds old."""
    page = get(url).text
    return page if f'tunehouse_team_spent_usd{{team="{team}"}}' in page else None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_worker_serves_metrics_at_either_kind_of_address(host: str) -> None:
    server = MetricsServer(host, 0)
    server.start()
    shown = f"[{host}]" if ":" in host else host
    assert get(f"http://{shown}:{server.server_address[1]}/metrics").status_code == 200
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("page", ["api", "worker", "installation"])
def test_promtool_accepts_each_page(scrapes: Scrapes, page: str) -> None:
    argv = [program("promtool"), "check", "metrics"]
    checked = subprocess.run(argv, input=getattr(scrapes, page), text=True, capture_output=True, check=False)
    assert checked.returncode in (0, 3), checked.stderr  # 3: it would have chosen other names
    assert "error" not in checked.stderr, checked.stderr


@pytest.mark.parametrize(
    "series",
    [
        'tunehouse_http_requests_total{method="POST",route="/v1/fine_tuning/jobs",status="200"} 1.0',
        'tunehouse_http_requests_total{method="GET",route="none",status="404"} 1.0',
        'tunehouse_http_requests_total{method="POST",route="/v1/chat/completions",status="200"} 1.0',
        'tunehouse_http_request_seconds_count{route="/v1/fine_tuning/jobs"} 1.0',
        'tunehouse_provider_calls_total{outcome="200",provider="openai"} 1.0',
        'tunehouse_inference_under_way{provider="openai"} 0.0',
        "tunehouse_database_connections_max ",
        'tunehouse_build_info{revision="',
    ],
)
def test_the_api_counts_over_all_its_processes(scrapes: Scrapes, series: str) -> None:
    assert series in scrapes.api


@pytest.mark.parametrize(
    "series",
    [
        'tunehouse_work_steps_total{kind="job.advance",outcome="done"}',
        'tunehouse_work_step_seconds_count{kind="file.check"} ',
        'tunehouse_provider_calls_total{outcome="200",provider="openai"}',
        'tunehouse_provider_call_seconds_count{provider="openai"}',
        "tunehouse_database_connections_in_use ",
        'tunehouse_build_info{revision="',
    ],
)
def test_the_worker_counts_steps_and_calls(scrapes: Scrapes, series: str) -> None:
    assert series in scrapes.worker


def test_the_installation_is_measured_by_one_query(scrapes: Scrapes) -> None:
    team = f'{{team="{scrapes.team}"}}'
    for series in (
        'tunehouse_jobs{status="succeeded"} ',
        f"tunehouse_team_spent_usd{team} ",
        f"tunehouse_team_held_usd{team} 0.0",
        f"tunehouse_team_budget_left_usd{team} 4.",
        "tunehouse_rollup_lag_entries ",
        "tunehouse_workers_alive ",
        'tunehouse_schema_revision_info{revision="',
        "tunehouse_webhook_endpoints_failing ",
    ):
        assert series in scrapes.installation, series


def test_every_line_of_the_logs_is_json(scrapes: Scrapes) -> None:
    assert len(scrapes.logs) > 10
    for line in scrapes.logs:
        assert isinstance(json.loads(line), dict), line

"""An upgrade and the way back, each a rolling restart behind haproxy under load, lose nothing."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.conftest import ADMIN_KEY, patched_database_url
from tests.operations.load import Load, check_books
from tests.operations.servers import Haproxy, Postgres, Redis
from tests.operations.upgrades.versions import Version, next_version, this_version, version_before
from tests.support.plain import NO_CERTIFICATES
from tests.support.processes import ROOT, Api, Worker, free_port
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until


class Installation:
    """Two apis behind haproxy and a worker, whose version can be replaced, one process at a time."""

    def __init__(self, version: Version, env: dict[str, str], logs: Path) -> None:
        self.env = env
        self.logs = logs
        self.ports = [free_port(), free_port()]
        self.balancer = Haproxy(logs, [f"127.0.0.1:{port}" for port in self.ports])
        version.migrate(env)
        self.worker: Worker = version.worker(env, logs)
        self.apis: list[Api] = [version.api(env, logs, port) for port in self.ports]

    def start(self) -> None:
        for process in (self.worker, *self.apis, self.balancer):
            process.start()
        wait_until(lambda: get(f"{self.balancer.url}/readyz").is_success)

    def become(self, version: Version) -> None:
        """Replace all processes in the order of the docs: migrate, workers, apis."""
        version.migrate(self.env)
        self.worker.stop()
        self.worker = version.worker(self.env, self.logs)
        self.worker.start()
        for number, port in enumerate(self.ports):
            self.apis[number].stop()
            self.apis[number] = version.api(self.env, self.logs, port)
            self.apis[number].start()
            wait_until(lambda number=number: is_used(self.apis[number]))  # type: ignore[misc]

    def revisions(self) -> set[str]:
        """The schema revisions for which the apis were made."""
        pages = [get(f"{api.url}/metrics").text for api in self.apis]
        return {page.partition('tunehouse_build_info{revision="')[2][:4] for page in pages}

    def stop(self) -> None:
        for process in (self.worker, *self.apis, self.balancer):
            process.kill()


def get(url: str) -> httpx2.Response:
    return httpx2.get(url, trust_env=False, verify=NO_CERTIFICATES)


def is_used(api: Api) -> bool:
    """Whether the balancer sends requests to it."""
    return 'route="/v1/fine_tuning/jobs",status="200"' in get(f"{api.url}/metrics").text


@pytest.fixture
def env(providers_environment: dict[str, str], redis: Redis, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings with a database, broker and storage of the test's own."""
    database = Postgres(tmp_path, ["max_connections=400"])
    redis.start()
    redis.wait()
    try:
        database.start()
        database.make_database()
        yield providers_environment | {
            "TUNEHOUSE_DATABASE_URL": database.url("tunehouse", "tunehouse_app"),
            "TUNEHOUSE_MIGRATE_DATABASE_URL": database.url("tunehouse", "tunehouse_owner"),
            "TUNEHOUSE_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "TUNEHOUSE_STORAGE_URL": f"file://{tmp_path / 'storage'}",
            "TUNEHOUSE_SHUTDOWN_DELAY_S": "6",
        }
    finally:
        database.remove()


def run_through(
    versions: Sequence[Version], env: dict[str, str], logs: Path, trainer: TrainerProcess
) -> list[set[str]]:
    """Start the first version, become each of the others under load, and check that nothing was lost.

    Returns the revisions that served at each stage.
    """
    first, *others = versions
    installation = Installation(first, env, logs)
    trainer.control.answers(latency_s=0.05, chunks=5)
    wait_until(trainer.control.is_idle)
    trainer.control.forget_requests()
    try:
        installation.start()
        seen = [installation.revisions()]
        with Service(installation.balancer.url, ADMIN_KEY) as service:
            team = service.make_team(budget_usd="500.00")
            with Load(team) as load:
                for version in others:
                    load.wait_for_more(of_each=1)
                    installation.become(version)
                    seen.append(installation.revisions())
                load.wait_for_more(of_each=1)
            assert not load.failures
            with patched_database_url(env["TUNEHOUSE_DATABASE_URL"]):
                check_books(team, trainer)
    finally:
        installation.stop()
    return seen


def test_the_version_before_and_this_one_follow_each_other(
    env: dict[str, str], tmp_path: Path, trainer: TrainerProcess
) -> None:
    before, this = version_before(tmp_path / "before"), this_version()
    run_through([before, this, before], env, tmp_path, trainer)


def test_this_version_and_one_with_a_newer_schema_follow_each_other(
    env: dict[str, str], tmp_path: Path, trainer: TrainerProcess
) -> None:
    this, following = this_version(), next_version(tmp_path / "next")
    assert run_through([this, following, this], env, tmp_path, trainer) == [{"0001"}, {"0002"}, {"0001"}]
    owner = env["TUNEHOUSE_MIGRATE_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(owner) as connection:
        notes = connection.execute("SELECT note, count(*) FROM jobs GROUP BY note").fetchall()
        valid = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'jobs_by_base_model'::regclass"
        )
        assert valid.fetchone() == (True,)
    assert {note for note, _ in notes} == {"migrated", None}  # of before the migration, and after it


def test_the_lint_of_migrations_accepts_the_example_and_refuses_what_blocks(tmp_path: Path) -> None:
    following = next_version(tmp_path / "next")
    assert linted(following) == (0, "")
    migration = following.folder / "migrations" / "versions" / "0002_example.py"
    blocking = 'op.create_index("jobs_by_base_model", "jobs", ["base_model"], if_not_exists=True)'
    calm = 'create_index("jobs_by_base_model", "ON jobs (base_model)")'
    migration.write_text(migration.read_text().replace(calm, blocking))
    status, problems = linted(following)
    assert (status, "require-concurrent-index-creation" in problems) == (1, True)


def linted(version: Version) -> tuple[int, str]:
    """The status and output of the check of later migrations in `make lint`."""
    done = subprocess.run(
        [version.python, "-P", "-m", "migrations.lint"],
        cwd=ROOT,
        env={"PYTHONPATH": str(version.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr

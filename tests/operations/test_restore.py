"""The restore drill: the commands of docs/operations/backups.md bring an installation back."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.cli.runs import TUNEHOUSE
from tests.conftest import ADMIN_KEY
from tests.jobs.story import run, start, wait_for_end
from tests.operations.servers import Postgres, Redis, program
from tests.support.processes import ROOT, Api, Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

PAGE = ROOT / "docs" / "operations" / "backups.md"
HELLO = [{"role": "user", "content": "Hello"}]
WITHIN_S = 60.0  # as the page promises


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own, without anything in it but the roles and an empty database."""
    server = Postgres(tmp_path)
    try:
        server.start()
        server.make_database()
        yield server
    finally:
        server.remove()


@pytest.fixture
def env(
    providers_environment: dict[str, str], database: Postgres, redis: Redis, tmp_path: Path
) -> dict[str, str]:
    """The settings, and the variables of the page."""
    redis.start()
    redis.wait()
    (tmp_path / "backup").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tunehouse").write_text(f'#!/bin/sh\nexec {" ".join(TUNEHOUSE)} "$@"\n')
    (tmp_path / "bin" / "tunehouse").chmod(0o755)
    owner, admin = database.url("tunehouse", "tunehouse_owner"), database.url()
    path = [str(tmp_path / "bin"), str(Path(program("pg_dump")).parent), os.environ["PATH"]]
    return providers_environment | {
        "TUNEHOUSE_DATABASE_URL": database.url("tunehouse", "tunehouse_app"),
        "TUNEHOUSE_MIGRATE_DATABASE_URL": owner,
        "TUNEHOUSE_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
        "TUNEHOUSE_STORAGE_URL": (tmp_path / "storage").as_uri(),
        "OWNER_URL": owner.replace("+psycopg", ""),
        "ADMIN_URL": admin.replace("+psycopg", ""),
        "STORAGE": str(tmp_path / "storage"),
        "BACKUP": str(tmp_path / "backup"),
        "PATH": ":".join(path),
    }


def commands(section: str) -> str:
    """The shell commands of a section of the page."""
    text = PAGE.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


def do(script: str, env: dict[str, str]) -> None:
    shell = ["/bin/sh", "-eu", "-c", script]
    done = subprocess.run(shell, env=os.environ | env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def serving(env: dict[str, str], logs: Path) -> Iterator[Service]:
    """An api and a worker."""
    processes = Api(env, logs), Worker(env, logs)
    try:
        for process in processes:
            process.start()
        with Service(processes[0].url, ADMIN_KEY) as service:
            yield service
    finally:
        for process in processes:
            process.stop()


def test_a_restore_keeps_models_names_and_finds_the_jobs_created_after_the_backup(
    env: dict[str, str], tmp_path: Path, trainer: TrainerProcess
) -> None:
    do("tunehouse migrate", env)
    with serving(env, tmp_path) as service:
        team = service.make_team(budget_usd="50.00")
        trainer.control.forget_requests()
        finished = run(team.sdk)
        trainer.control.stop_clock()
        running = start(team.sdk)
        wait_until(lambda: trainer.control.requests().get("POST /v1/fine_tuning/jobs", 0) == 2)
        do(commands("Back up"), env)
        trainer.control.run_clock()
        ended = wait_for_end(team.sdk, running.id)
        created_after = run(team.sdk)
    do(commands("Restore"), env)
    # A backup is seldom so young that its workers have just searched providers: a start searches none.
    with psycopg.connect(env["TUNEHOUSE_DATABASE_URL"].replace("+psycopg", "")) as connection:
        connection.execute("UPDATE provider_sweeps SET ordered_at = ordered_at - interval '1 hour'")
    with serving(env, tmp_path) as service:
        sdk = service.sdk(team.key)
        assert sdk.fine_tuning.jobs.retrieve(finished.id).fine_tuned_model == finished.fine_tuned_model
        assert wait_for_end(sdk, running.id).fine_tuned_model == ended.fine_tuned_model
        assert ended.fine_tuned_model is not None
        sdk.chat.completions.create(model=ended.fine_tuned_model, messages=HELLO)  # type: ignore[arg-type]
        assert wait_until(lambda: created_after.id in orphans(service), timeout_s=WITHIN_S)
        assert created_after.id not in {job.id for job in sdk.fine_tuning.jobs.list()}
    do("tunehouse audit-ledger", env)


def orphans(service: Service) -> set[str]:
    """Our ids of the jobs that are at a provider and not here."""
    page = service.admin.get("/v1/provider_orphans").json()["data"]
    return {one["job_id"] for one in page}

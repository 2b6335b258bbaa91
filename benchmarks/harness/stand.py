"""The processes of the benchmark: Postgres with synchronous commits, Valkey, upstreams and one api.

The api has the last core to itself, as far as the machine is idle; the others share the rest.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg

from benchmarks.harness.database import dsn_of, migrated
from benchmarks.harness.servers import ADMIN_KEY
from service.core.db import engine
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer
from service.settings import settings
from tests.support.processes import ROOT, free_port

CORES = sorted(os.sched_getaffinity(0))
API_CORE, OTHER_CORES = CORES[-1], CORES[:-1] or CORES
FAST_CHUNKS, SLOW_CHUNKS, SLOW_INTERVAL_S = 100, 60, 0.5
# Limits are counted but never reached.
_PLENTY = "1000000000"
_LOG_FILES = 60


@dataclass
class Stand:
    """A running stand; `restart_api` after a kill."""

    environment: dict[str, str]
    database: str
    fast_url: str
    slow_url: str
    api: subprocess.Popen[bytes]
    api_url: str

    def restart_api(self, processes: int = 1) -> None:
        """Start the api again on its port with this many processes, and wait for it."""
        self.api = _start_api(self.environment, int(self.api_url.rpartition(":")[2]), processes)

    def stop_api(self) -> None:
        """Stop the api as an operator would, and wait for it."""
        _end(self.api)

    def make_team(self, slug: str) -> tuple[str, str]:
        """A team with a budget, and its key's secret."""
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        with httpx2.Client(base_url=self.api_url, headers=headers, trust_env=False, timeout=30) as admin:
            team = admin.post("/v1/teams", json={"name": slug, "slug": slug}).json()
            key = admin.post(f"/v1/teams/{team['id']}/keys", json={"name": "bench"}).json()
            budget = {"limit_usd": "1000000", "period": "month"}
            admin.put(f"/v1/teams/{team['id']}/budget", json=budget).raise_for_status()
        return team["id"], key["secret"]

    def rows_of(self, team_id: str) -> tuple[int, int]:
        """How many requests of a team the ledger has, and how many holds are left."""
        with psycopg.connect(self.database) as connection:
            counts = (
                "SELECT count(DISTINCT subject_id), (SELECT count(*) FROM holds WHERE team_id = %(team)s)"
            )
            rows = connection.execute(
                f"{counts} FROM ledger_entries WHERE team_id = %(team)s",
                {"team": team_id},
            ).fetchone()
        assert rows is not None
        return rows[0], rows[1]


@contextmanager
def stand() -> Iterator[Stand]:
    """A stand that is taken down when the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunehouse-bench-")))
        os.sched_setaffinity(0, OTHER_CORES)  # and so for every process that is started here
        postgres = PostgresServer(folder / "postgres", durable=True)
        postgres.start()
        stack.callback(postgres.stop)
        url = migrated(postgres, "tunehouse")
        _recycle_log_files(dsn_of(postgres.url("tunehouse")))
        valkey = ValkeyServer(folder / "valkey")
        redis_url = valkey.start()
        stack.callback(valkey.stop)
        fast, slow = _upstream(stack, FAST_CHUNKS, 0), _upstream(stack, SLOW_CHUNKS, SLOW_INTERVAL_S)
        environment = _environment(folder, url, redis_url, {"fast": fast, "slow": slow})
        os.environ |= environment
        settings.cache_clear()
        stack.callback(engine().dispose)
        port = free_port()
        api = _start_api(environment, port)
        running = Stand(environment, dsn_of(url), fast, slow, api, f"http://127.0.0.1:{port}")
        stack.callback(lambda: _end(running.api))
        yield running


def _recycle_log_files(dsn: str) -> None:
    """Give Postgres log files to reuse, as it has after an hour.

    A new cluster makes a new file of 16 MB every other second under this load, which takes 50 ms each time.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(_LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(false, 'benchmark', 'fill')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


def _environment(folder: Path, database: str, redis: str, upstreams: dict[str, str]) -> dict[str, str]:
    # Two names for the same kind: `fast` serves the sandbox's model, `slow` is asked for by name.
    providers = [
        {
            "name": name,
            "kind": "trainer",
            "base_url": f"{url}/v1",
            "api_key": "bench",
            "max_concurrency": 4096,
        }
        for name, url in upstreams.items()
    ]
    return {
        "TUNEHOUSE_DATABASE_URL": database,
        "TUNEHOUSE_REDIS_URL": redis,
        "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
        "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
        "TUNEHOUSE_PROVIDERS": json.dumps(providers),
        "TUNEHOUSE_INFERENCE_HOLD_S": "120",
        "TUNEHOUSE_KEY_REQUESTS_PER_MINUTE": _PLENTY,
        "TUNEHOUSE_TEAM_TOKENS_PER_MINUTE": _PLENTY,
        "TUNEHOUSE_TEAM_REQUESTS_IN_FLIGHT": _PLENTY,
    }


def _upstream(stack: ExitStack, chunks: int, interval_s: float) -> str:
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.harness.upstream", str(port), str(chunks), str(interval_s)]
    process = subprocess.Popen(argv, cwd=ROOT)
    stack.callback(lambda: _end(process))
    url = f"http://127.0.0.1:{port}"
    _await(f"{url}/count")
    return url


def _start_api(environment: dict[str, str], port: int, processes: int = 1) -> subprocess.Popen[bytes]:
    # As `tunehouse api` starts it: its log lines go to a file, as to a collector.
    argv = [sys.executable, "-m", "service.cli", "api", "--port", str(port), "--processes", str(processes)]
    cores = ",".join(map(str, CORES)) if processes > 1 else str(API_CORE)
    with open(os.devnull, "wb") as log:
        api = subprocess.Popen(
            ["/usr/bin/env", "taskset", "-c", cores, *argv],
            env=os.environ | environment,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    _await(f"http://127.0.0.1:{port}/healthz")
    return api


def _await(url: str) -> None:
    for _ in range(600):
        try:
            httpx2.get(url, trust_env=False).raise_for_status()
            return
        except httpx2.HTTPError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)

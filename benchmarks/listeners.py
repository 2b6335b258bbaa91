"""1,000 listeners on the event streams of one api process: their cost when idle, and their lag.

    python -m benchmarks.listeners [--listeners 1000] [--jobs 100] [--idle 60]

Everything is real: each listener is a connection of its own to `GET …/events?stream=true` of one of the jobs.
One thread of this process reads them all, and events are appended and committed as by a worker. The figures
are printed as a table for `docs/benchmarks.md`.
"""

import argparse
import json
import os
import resource
import selectors
import socket
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psutil
import psycopg

from benchmarks.harness.servers import ADMIN_KEY
from benchmarks.ledger import database, machine
from benchmarks.tables import say
from service.core.db import transaction
from service.events.actions import append
from service.events.types import EventType
from service.local.valkey import ValkeyServer
from service.settings import settings
from tests.support.processes import Api

PROVIDERS = '[{"name":"trainer","kind":"trainer","base_url":"http://127.0.0.1:9/v1","api_key":"none"}]'
_JOBS = """
    INSERT INTO jobs (id, team_id, key_id, model, base_model, provider, provider_model, method_type, method,
        training_file, integrations, status, result_files, created_at, changed_at,
        price_id)
    SELECT 'ftjob-' || n, %s, 'key', 'sandbox-mini', 'sandbox-mini', 'trainer', 'sandbox-mini', 'supervised',
        '{"type": "supervised", "supervised": {"hyperparameters": {}}}', 'file-f', '[]', 'running', '{}',
        now(), now(),
        (SELECT id FROM prices WHERE model = 'sandbox-mini' AND kind = 'training_tokens' LIMIT 1)
    FROM generate_series(1, %s) AS n
"""


class Audience:
    """Open streams, all read by one thread, which records when each event arrives."""

    def __init__(self, url: str, key: str) -> None:
        self._address = urlsplit(url)
        self._key = key
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.heard: defaultdict[str, list[float]] = defaultdict(list)  # by message
        self._stopped = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def join(self, job_id: str) -> None:
        """Add a listener to a job; returns once its stream has begun."""
        connection = socket.create_connection((self._address.hostname or "", self._address.port or 80))
        path = f"/v1/fine_tuning/jobs/{job_id}/events?stream=true"
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._key}\r\n\r\n"
        connection.sendall(request.encode())
        head = b""
        while b"retry: " not in head:
            head += connection.recv(4096)
        assert b" 200 OK" in head, head
        connection.setblocking(False)
        self._sockets.append(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self) -> None:
        """Close all streams."""
        self._stopped = True
        self._thread.join()
        for connection in self._sockets:
            connection.close()

    def wait_for(self, message: str, count: int, timeout_s: float = 30.0) -> list[float]:
        """The times at which `count` listeners received a message."""
        deadline, pace = time.monotonic() + timeout_s, threading.Event()
        while True:
            with self._lock:
                moments = list(self.heard[message])
            if len(moments) >= count:
                return moments
            assert time.monotonic() < deadline, f"{len(moments)} of {count} heard {message}"
            pace.wait(0.01)

    def _read(self) -> None:
        while not self._stopped:
            for ready, _ in self._selector.select(0.2):
                assert isinstance(ready.fileobj, socket.socket)
                chunk = ready.fileobj.recv(65536)
                now = time.perf_counter()
                for line in chunk.splitlines():
                    if line.startswith(b"data: {"):
                        with self._lock:
                            self.heard[json.loads(line[6:])["message"]].append(now)


@contextmanager
def serving(folder: Path) -> Iterator[Api]:
    """One api process."""
    valkey = ValkeyServer(folder / "valkey")
    env = {
        "TUNEHOUSE_DATABASE_URL": settings().database_url.get_secret_value(),
        "TUNEHOUSE_REDIS_URL": valkey.start(),
        "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
        "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
        "TUNEHOUSE_PROVIDERS": PROVIDERS,
        "TUNEHOUSE_LOG_LEVEL": "warning",
        "TUNEHOUSE_TEAM_REQUESTS_IN_FLIGHT": "100000",
    }
    api = Api(env, folder)
    api.start()
    try:
        yield api
    finally:
        api.stop()
        valkey.stop()


def make_team(url: str) -> tuple[str, str]:
    """A new team's id and a key."""
    with httpx2.Client(
        base_url=url, headers={"authorization": f"Bearer {ADMIN_KEY}"}, trust_env=False
    ) as admin:
        team = admin.post("/v1/teams", json={"name": "Bench", "slug": "bench"}).json()["id"]
        return team, admin.post(f"/v1/teams/{team}/keys", json={"name": "bench"}).json()["secret"]


def happen(team: str, job_id: str, message: str) -> float:
    """Append one event; returns the time of its commit."""
    with transaction() as session:
        append(session, team_id=team, subject_id=job_id, type=EventType.JOB_MESSAGE, message=message)
    return time.perf_counter()


def lag_ms(audience: Audience, team: str, job_id: str, message: str, count: int) -> list[float]:
    """The lag of each of `count` listeners after the commit; 0 if it received the event before that."""
    committed = happen(team, job_id, message)
    return [max(heard - committed, 0.0) * 1000 for heard in audience.wait_for(message, count)]


def quantiles(lags: Sequence[float]) -> str:
    """Median, 99th percentile and worst."""
    ordered = sorted(lags)
    return f"{statistics.median(ordered):.1f}, {ordered[int(len(ordered) * 0.99)]:.1f}, {ordered[-1]:.1f}"


def measure(api: Api, dsn: str, listeners: int, jobs: int, idle_s: float) -> None:
    """Connect all listeners, measure them idle, then append events; prints the rows."""
    team, key = make_team(api.url)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_JOBS, [team, jobs])
    names = [f"ftjob-{number % jobs + 1}" for number in range(listeners)]
    for job_id in set(names):
        happen(team, job_id, "first")
    assert api.process is not None
    process = psutil.Process(api.process.pid)
    before = process.memory_info().rss
    audience = Audience(api.url, key)
    began = time.monotonic()
    for job_id in names:
        audience.join(job_id)
    joined_s = time.monotonic() - began
    audience.start()
    threading.Event().wait(5)  # what was there before has been told
    asked, cpu, since = transactions(dsn), sum(process.cpu_times()[:2]), time.monotonic()
    threading.Event().wait(idle_s)
    took = time.monotonic() - since
    spent, asked = sum(process.cpu_times()[:2]) - cpu, transactions(dsn) - asked
    say("| what | figure |\n|---|---|")
    say(f"| listeners on one api process, on {jobs} jobs | {listeners:,} |")
    say(f"| joining, one after the other | {joined_s / listeners * 1000:.1f} ms each |")
    say(f"| memory of the api | {process.memory_info().rss / 1e6:.0f} MB |")
    say(f"| the same, each listener | {(process.memory_info().rss - before) / 1e3 / listeners:.0f} kB |")
    say(f"| CPU while nothing happens, heartbeats every 15 s | {spent / took * 100:.2f} % of a core |")
    say(f"| transactions in Postgres meanwhile, all | {asked / took:.2f} a second |")
    each = listeners // jobs
    lags = [
        lag
        for turn in range(200)
        for lag in lag_ms(audience, team, f"ftjob-{turn % jobs + 1}", f"event {turn}", each)
    ]
    say(f"| commit to {each} listeners of a job: p50, p99, worst of {len(lags):,} | {quantiles(lags)} ms |")
    at_once = [happen(team, f"ftjob-{number + 1}", f"burst {number}") for number in range(jobs)]
    lags = [
        max(heard - committed, 0.0) * 1000
        for number, committed in enumerate(at_once)
        for heard in audience.wait_for(f"burst {number}", each)
    ]
    say(f"| the same, an event in every job as fast as they are written | {quantiles(lags)} ms |")
    audience.stop()
    crowd = Audience(api.url, key)
    for _ in range(listeners):
        crowd.join("ftjob-1")
    crowd.start()
    threading.Event().wait(5)
    lags = [lag for turn in range(10) for lag in lag_ms(crowd, team, "ftjob-1", f"crowd {turn}", listeners)]
    say(f"| the same, {listeners:,} listeners on one job | {quantiles(lags)} ms |")
    crowd.stop()


def transactions(dsn: str) -> int:
    """The number of transactions that the server has counted."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT sum(xact_commit + xact_rollback)::int FROM pg_stat_database"
        ).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--listeners", type=int, default=1000)
    options.add_argument("--jobs", type=int, default=100)
    options.add_argument("--idle", type=float, default=60.0, help="seconds to sit and listen to nothing")
    asked = options.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8 * asked.listeners + 1024), most))
    with tempfile.TemporaryDirectory(prefix="tunehouse-listeners-") as folder, database(Path(folder)) as dsn:
        say(f"{machine(dsn)}\n")
        with serving(Path(folder)) as api:
            measure(api, dsn, asked.listeners, asked.jobs, asked.idle)
        say(f"\nLoad after: {', '.join(f'{each:.1f}' for each in os.getloadavg())}")


if __name__ == "__main__":
    main()

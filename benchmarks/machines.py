"""One, two and four workers, and one, two and four apis, against one Postgres: what scales by what factor.

    python -m benchmarks.machines [--jobs 150] [--seconds 8]

The provider is a stand-in that finishes each job at once, so that it is not the limit. All processes share
the machine's cores: rates stop growing when these are used up, so read the CPU per job and per request too.
"""

import argparse
import http.server
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg

from benchmarks.harness.database import dsn_of, migrated
from benchmarks.harness.load import cpu_us
from benchmarks.harness.servers import ADMIN_KEY
from benchmarks.ledger import machine
from benchmarks.lineage import join
from benchmarks.tables import say
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer
from tests.support.data import chat_file
from tests.support.processes import Api, Process, Worker
from tests.support.waiting import wait_until

COUNTS = (1, 2, 4)
_CONNECTIONS = 16
_ALIVE = "SELECT count(*) FROM worker_heartbeats WHERE seen_at > now() - interval '10 s'"
_LEFT = "SELECT count(*) FROM jobs WHERE finished_at IS NULL"


class Provider(http.server.ThreadingHTTPServer):
    """A provider whose jobs have succeeded when they are first asked for."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.numbers = itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet; apart they wait 40 ms for an acknowledgement
    server: Provider

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        number = next(self.server.numbers)
        if self.path.endswith("/files"):
            made = {"id": f"file-p{number}", "object": "file", "purpose": "fine-tune", "bytes": len(content)}
            self._answer(made | {"filename": "f.jsonl", "created_at": int(time.time())})
            return
        asked = json.loads(content)
        job = {"id": f"ftjob-p{number}", "object": "fine_tuning.job", "status": "queued"}
        job |= {"model": asked["model"], "created_at": int(time.time()), "metadata": asked["metadata"]}
        job |= {"result_files": [], "method": asked.get("method")}
        self.server.jobs[job["id"]] = job
        self._answer(job)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.split("/")
        job = self.server.jobs.get(path[-1])
        if job is None:
            self._answer({"object": "list", "data": [], "has_more": False})
            return
        ended = {"status": "succeeded", "trained_tokens": 100, "finished_at": int(time.time())}
        self._answer(job | ended | {"fine_tuned_model": f"ft:sandbox-mini:p::{job['id']}"})

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def main() -> None:
    """Run it all and print a report in Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--jobs", type=int, default=150)
    options.add_argument("--seconds", type=float, default=8.0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tunehouse-machines-") as name:
        folder = Path(name)
        postgres, valkey, provider = (
            PostgresServer(folder / "postgres"),
            ValkeyServer(folder / "valkey"),
            Provider(),
        )
        postgres.start()
        try:
            url = migrated(postgres, "tunehouse")
            env = _environment(url, valkey.start(), folder, provider)
            dsn = dsn_of(postgres.url("tunehouse"))
            say(f"`python -m benchmarks.machines --jobs {asked.jobs} --seconds {asked.seconds:g}`")
            say(machine(dsn))
            with running([Api(env, folder)]) as (api,), team_of(api) as http:
                with running([Worker(env, folder)]):
                    file = upload(http, dsn)
                workers(env, folder, http, dsn, file, asked.jobs)
                apis(env, folder, http, file, asked.seconds)
        finally:
            valkey.stop()
            postgres.stop()
            provider.shutdown()


def _environment(url: str, redis_url: str, folder: Path, provider: Provider) -> dict[str, str]:
    upstream = {
        "name": "trainer",
        "kind": "trainer",
        "base_url": f"http://127.0.0.1:{provider.server_address[1]}/v1",
        "api_key": "stand-in",
        "calls_per_minute": 1_000_000,
        "job_limits": {"*": {"concurrent": 10_000}},
    }
    return {
        "TUNEHOUSE_DATABASE_URL": url,
        "TUNEHOUSE_REDIS_URL": redis_url,
        "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
        "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
        "TUNEHOUSE_PROVIDERS": json.dumps([upstream]),
        "TUNEHOUSE_TEAM_QUEUED_JOBS": "1000000",
    }


@contextmanager
def running(processes: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Start processes, and stop them afterwards."""
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.stop()


@contextmanager
def team_of(api: Api) -> Iterator[httpx2.Client]:
    """A client with a new team's key."""
    with httpx2.Client(base_url=api.url, timeout=120, trust_env=False) as http:
        join(http)
        yield http


def upload(http: httpx2.Client, dsn: str) -> str:
    """Upload a small training file and wait until it is checked; return its id."""
    parts = {"file": ("data.jsonl", chat_file())}
    file = str(http.post("/v1/files", files=parts, data={"purpose": "fine-tune"}).json()["id"])
    wait_until(lambda: http.get(f"/v1/files/{file}").json()["status"] == "processed", timeout_s=120)
    return file


def workers(env: dict[str, str], folder: Path, http: httpx2.Client, dsn: str, file: str, jobs: int) -> None:
    """Small jobs from their creation to their end, by numbers of workers."""
    say("\n| workers | jobs a second | factor | worker CPU for each job, ms |\n|---|---|---|---|")
    first = None
    for count in COUNTS:
        with running([Worker(env, folder) for _ in range(count)]) as made:
            wait_until(lambda count=count: _number(dsn, _ALIVE) >= count, timeout_s=120)  # type: ignore[misc]
            warm = _run_jobs(http, dsn, file, max(10, jobs // 10))
            assert warm > 0
            before = cpu_of(made)
            took = _run_jobs(http, dsn, file, jobs)
            spent = cpu_of(made) - before
        rate = jobs / took
        first = first or rate
        say(f"| {count} | {rate:.1f} | {rate / first:.2f} | {spent / jobs / 1000:.0f} |")


def _run_jobs(http: httpx2.Client, dsn: str, file: str, jobs: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: _create(http, file), range(jobs)))
    wait_until(lambda: _number(dsn, _LEFT) == 0, timeout_s=240)
    return time.monotonic() - began


def _create(http: httpx2.Client, file: str) -> str:
    answer = http.post("/v1/fine_tuning/jobs", json={"model": "sandbox-mini", "training_file": file})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def apis(env: dict[str, str], folder: Path, http: httpx2.Client, file: str, seconds: float) -> None:
    """Requests over many connections, by numbers of apis."""
    say("\n| apis | request | a second | factor | CPU of the apis for each, ms |\n|---|---|---|---|---|")
    job, headers = _create(http, file), dict(http.headers)
    body = {"model": "sandbox-mini", "training_file": file}
    rates: dict[str, float] = {}
    for count in COUNTS:
        with running([Api(env, folder) for _ in range(count)]) as made:
            clients = [
                httpx2.Client(base_url=made[n % count].url, headers=headers, timeout=60, trust_env=False)
                for n in range(_CONNECTIONS)
            ]
            requests: dict[str, Callable[[httpx2.Client], httpx2.Response]] = {
                "GET a job": lambda client: client.get(f"/v1/fine_tuning/jobs/{job}"),
                "POST a job": lambda client: client.post("/v1/fine_tuning/jobs", json=body),
            }
            for name, send in requests.items():
                _load(clients, send, 1.0)
                before = cpu_of(made)
                sent = _load(clients, send, seconds)
                spent = cpu_of(made) - before
                rate = sent / seconds
                rates.setdefault(name, rate)
                factor = rate / rates[name]
                say(f"| {count} | {name} | {rate:.0f} | {factor:.2f} | {spent / sent / 1000:.1f} |")
            for client in clients:
                client.close()


def _load(
    clients: Sequence[httpx2.Client], send: Callable[[httpx2.Client], httpx2.Response], seconds: float
) -> int:
    ends_at = time.monotonic() + seconds

    def one(client: httpx2.Client) -> int:
        sent = 0
        while time.monotonic() < ends_at:
            assert send(client).status_code == 200
            sent += 1
        return sent

    with ThreadPoolExecutor(len(clients)) as threads:
        return sum(threads.map(one, clients))


def cpu_of(processes: Sequence[Process]) -> float:
    """CPU that processes have used, in µs."""
    return sum(cpu_us(one.process.pid) for one in processes if one.process is not None)


def _number(dsn: str, query: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


if __name__ == "__main__":
    main()

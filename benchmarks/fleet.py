"""The cost of 10,000 running jobs on one worker: upstream calls, queries, memory and time.

    python -m benchmarks.fleet [--jobs 10000] [--calls-per-minute 6000]

Everything is real except the provider, a minimal server that answers `running` for every job until the
benchmark ends it. The figures are printed as a table for `docs/benchmarks.md`.
"""

import argparse
import base64
import http.server
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import psutil
import psycopg
from openai import OpenAI
from standardwebhooks import Webhook

from benchmarks.harness.database import dsn_of, migrated
from service.jobs.polling import JOBS_PER_PAGE, listing_pause_s, paced_s
from service.jobs.states import JobStatus
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer
from tests.support.processes import Api, Worker
from tests.support.waiting import wait_until

SECRET = "whsec_" + base64.b64encode(b"the secret of the fleet").decode()
_HOOKED = 300  # jobs whose end is told by a webhook
_SILENT = 200  # jobs whose end nobody tells: it is found by polling
_BARE = 300  # rounds of the two calls of a poll, by the SDK alone
_JOBS = """
    INSERT INTO jobs (id, team_id, key_id, model, base_model, provider, provider_model, method_type, method,
        training_file, integrations, status, estimated_cost_usd, provider_training_file, queued_at,
        intended_at, provider_job_id, provider_status, result_files, created_at, changed_at, price_id)
    SELECT 'ftjob-' || n, 'team_f', 'key_f', 'sandbox-mini', 'sandbox-mini', 'trainer', 'sandbox-mini',
        'supervised', '{"type": "supervised", "supervised": {"hyperparameters": {}}}', 'file-f', '[]',
        'running', 0.01, 'file-t', now(), now(), 'ftjob-t' || n, 'running', '{}',
        now() - interval '1 hour', now() - interval '1 hour',
        (SELECT id FROM prices WHERE model = 'sandbox-mini' AND kind = 'training_tokens' LIMIT 1)
    FROM generate_series(1, %s) AS n
"""
_WORK = """
    INSERT INTO work_items (kind, subject_id, next_step_at, generation, attempts)
    SELECT 'job.advance', id, now() + random() * %s * interval '1 s', 0, 0 FROM jobs
"""
_SWEEP = """
    EXPLAIN (ANALYZE, FORMAT JSON) SELECT kind, subject_id FROM work_items
    WHERE next_step_at <= now() AND (leased_until IS NULL OR leased_until < now())
        AND (woken_at IS NULL OR woken_at < now() - interval '10 s')
    ORDER BY next_step_at LIMIT 500 FOR UPDATE SKIP LOCKED
"""
_ENDS = """
    SELECT j.provider_job_id, extract(epoch FROM e.created_at)::float8
    FROM events e JOIN jobs j ON j.id = e.subject_id WHERE e.type = 'fine_tuning.job.cancelled'
"""


class Upstream(http.server.ThreadingHTTPServer):
    """A provider that answers for any job and counts requests."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, jobs: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls = self.pages = 0
        self.jobs = jobs
        self.created_at = int(time.time())
        self.ended: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet; apart they wait 40 ms for an acknowledgement
    server: Upstream

    def do_GET(self) -> None:
        self.server.calls += 1
        path, _, query = self.path.partition("?")
        name = path.rpartition("/")[2]
        body: dict[str, Any] = {"object": "list", "data": [], "has_more": False}
        if name.startswith("ftjob-"):
            body = self._job(name)
        elif name == "jobs":
            self.server.pages += 1
            last = parse_qs(query).get("after", [f"ftjob-t{self.server.jobs + 1}"])[0]
            newest = int(last.removeprefix("ftjob-t")) - 1
            shown = range(newest, max(newest - JOBS_PER_PAGE, 0), -1)
            body |= {"data": [self._job(f"ftjob-t{n}") for n in shown], "has_more": newest > JOBS_PER_PAGE}
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _job(self, name: str) -> dict[str, Any]:
        status = "cancelled" if name in self.server.ended else "running"
        return {
            "id": name,
            "status": status,
            "created_at": self.server.created_at,
            "model": "sandbox-mini",
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
            "trained_tokens": None,
            "result_files": [],
        }

    def log_message(self, *_: Any) -> None:
        """Log nothing: there would be ten thousand lines."""


class Fleet:
    """The processes, and rows of jobs that already exist at the provider."""

    def __init__(self, folder: Path, jobs: int, calls_per_minute: int) -> None:
        self.upstream = Upstream(jobs)
        # Within the first, the worker asks for each job's log once; within the second, for all statuses.
        self.round_s = paced_s(JobStatus.RUNNING, 1.0, jobs, jobs, calls_per_minute)
        self.listing_s = listing_pause_s(jobs, calls_per_minute)
        self.postgres, self.valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        self.postgres.start()
        url = migrated(self.postgres, "tunehouse")
        self.dsn = dsn_of(self.postgres.url("tunehouse"))
        provider = {
            "name": "trainer",
            "kind": "trainer",
            "base_url": f"http://127.0.0.1:{self.upstream.server_address[1]}/v1",
            "api_key": "fleet",
            "webhook_secret": SECRET,
            "calls_per_minute": calls_per_minute,
        }
        env = {
            "TUNEHOUSE_DATABASE_URL": url,
            "TUNEHOUSE_REDIS_URL": self.valkey.start(),
            "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
            "TUNEHOUSE_PROVIDERS": json.dumps([provider]),
        }
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO teams (id, name, slug, metadata, created_at) "
                "VALUES ('team_f', 'F', 'f', '{}', now())"
            )
            connection.execute(_JOBS, [jobs])
            connection.execute(_WORK, [self.round_s])
            connection.execute("ANALYZE")
        self.api, self.worker = Api(env, folder), Worker(env, folder)
        self.api.start()
        self.worker.start()

    def stop(self) -> None:
        """Stop everything."""
        for part in (self.worker, self.api, self.valkey, self.postgres):
            part.stop()
        self.upstream.shutdown()

    def sweep_ms(self, rounds: int = 40) -> list[float]:
        """The duration of the sweep's query while the worker runs its own."""
        with psycopg.connect(self.dsn) as connection:
            plans = []
            for _ in range(rounds):
                row = connection.execute(_SWEEP).fetchone()
                plans.append(row[0][0]["Execution Time"] if row else 0.0)
                connection.rollback()
        return plans

    def end_by_webhook(self, number: int) -> None:
        """End a job at the provider, and send the webhook."""
        name = f"ftjob-t{number}"
        self.upstream.ended[name] = time.time()
        event = {"id": f"evt_{number}", "type": "fine_tuning.job.cancelled", "data": {"id": name}}
        body, now = json.dumps(event), datetime.now(UTC)
        headers = {
            "webhook-id": f"wh_{number}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(f"wh_{number}", now, body),
        }
        url = f"{self.api.url}/webhooks/trainer"
        httpx2.post(url, content=body, headers=headers, trust_env=False, timeout=30).raise_for_status()

    def end_silently(self, numbers: Sequence[int]) -> None:
        """End jobs at the provider, without a webhook."""
        self.upstream.ended |= {f"ftjob-t{number}": time.time() for number in numbers}

    def lags_s(self, numbers: Sequence[int]) -> list[float]:
        """Seconds from the jobs' ends at the provider to those in our log, of jobs that have ended there."""
        with psycopg.connect(self.dsn) as connection:
            ends = dict(connection.execute(_ENDS).fetchall())
        names = [f"ftjob-t{number}" for number in numbers]
        return sorted(ends[name] - self.upstream.ended[name] for name in names if name in ends)

    def bare_ms(self) -> float:
        """CPU of a poll's two calls made by the SDK alone, in milliseconds."""
        url = f"http://127.0.0.1:{self.upstream.server_address[1]}/v1"
        with OpenAI(base_url=url, api_key="fleet", max_retries=0) as client:
            jobs = client.fine_tuning.jobs.with_raw_response
            for turn in range(2 * _BARE):
                if turn == _BARE:  # warm by now
                    began = time.thread_time()
                jobs.retrieve("ftjob-t1")
                jobs.list_events("ftjob-t1", limit=20)
            return (time.thread_time() - began) * 1000 / _BARE


def measure(fleet: Fleet, jobs: int, allowed: int, watch_s: float) -> list[tuple[str, str]]:
    """The rows of the table."""
    assert fleet.worker.process is not None
    process = psutil.Process(fleet.worker.process.pid)
    pace = threading.Event()
    pace.wait(15)  # until the worker runs; the jobs are due as they would be in the steady state
    calls, pages, cpu = fleet.upstream.calls, fleet.upstream.pages, sum(process.cpu_times()[:2])
    began = time.monotonic()
    sweeps = fleet.sweep_ms()
    pace.wait(watch_s)
    took = time.monotonic() - began
    listed, spent = fleet.upstream.pages - pages, sum(process.cpu_times()[:2]) - cpu
    asked = fleet.upstream.calls - calls
    polls = (asked - listed) / 2 + listed * JOBS_PER_PAGE
    hooked, silent = range(1, _HOOKED + 1), range(_HOOKED + 1, _HOOKED + _SILENT + 1)
    fleet.end_silently(silent)
    for number in hooked:
        fleet.end_by_webhook(number)
        pace.wait(0.03)
    lags = _all_lags(fleet, hooked, 120)
    polled = _all_lags(fleet, silent, 3 * fleet.listing_s + 60)
    return [
        ("active jobs on one worker", f"{jobs}"),
        (f"upstream calls a minute, {allowed} allowed", f"{asked * 60 / took:.0f}"),
        ("of them pages of the listing", f"{listed * 60 / took:.0f}"),
        ("statuses read a minute", f"{polls * 60 / took:.0f}"),
        ("sweep query, median and worst of 40, ms", f"{statistics.median(sweeps):.2f}, {max(sweeps):.2f}"),
        ("end at the provider to ours by webhook, p50, s", f"{lags[len(lags) // 2]:.3f}"),
        ("the same, p99, s", f"{lags[int(len(lags) * 0.99)]:.3f}"),
        ("by polling alone, p50, s", f"{polled[len(polled) // 2]:.0f}"),
        ("the same, p99 and worst, s", f"{polled[int(len(polled) * 0.99)]:.0f}, {polled[-1]:.0f}"),
        ("worker memory, MB", f"{process.memory_info().rss / 1e6:.0f}"),
        ("worker CPU for each status read, everything included, ms", f"{spent * 1000 / max(polls, 1):.1f}"),
        ("CPU of a single poll's two calls by the bare SDK, ms", f"{fleet.bare_ms():.1f}"),
    ]


def _all_lags(fleet: Fleet, numbers: Sequence[int], timeout_s: float) -> list[float]:
    def all_there() -> list[float] | None:
        found = fleet.lags_s(numbers)
        return found if len(found) == len(numbers) else None

    return wait_until(all_there, timeout_s=timeout_s, every_s=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--watch", type=float, default=30.0, help="seconds of steady state to look at")
    parser.add_argument("--calls-per-minute", type=int, default=6000, help="what the provider allows")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tunehouse-fleet-") as folder:
        fleet = Fleet(Path(folder), asked.jobs, asked.calls_per_minute)
        try:
            rows = measure(fleet, asked.jobs, asked.calls_per_minute, asked.watch)
        finally:
            fleet.stop()
    print("| what | figure |\n|---|---|")
    for what, figure in rows:
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()

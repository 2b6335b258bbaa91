"""The control plane at the size of a company, each figure beside its floor in the same run.

`python -m benchmarks.control_plane [--jobs 100000] [--waiting 100000]`

The floor is FastAPI with SQLAlchemy, one select and no key. CPU is that of the api process, exact.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from sqlalchemy import event

from benchmarks.harness.load import cpu_us
from benchmarks.ledger import database, machine
from benchmarks.lineage import join, serving_process
from benchmarks.tables import say
from service.core.db import engine, transaction
from service.events.actions import NewEvent, append_all
from service.events.types import EventType
from service.jobs import order
from service.jobs.order import QueueName
from tests.jobs.hands import make_file
from tests.support.processes import ROOT, free_port
from tests.support.waiting import wait_until

REQUESTS, CONNECTIONS, CREATES = 400, 64, 640
QUEUE = QueueName("trainer", "sandbox-mini")
_JOBS = """
INSERT INTO jobs (id, team_id, key_id, model, base_model, provider, provider_model, method_type, method,
                  training_file, integrations, status, price_id, result_files, queued_at, intended_at,
                  created_at, changed_at, finished_at)
SELECT %(name)s || n, %(team)s, 'key_bench', 'sandbox-mini', 'sandbox-mini', 'trainer', 'sandbox-mini',
       'supervised', '{"type": "supervised", "supervised": {}}', %(file)s, '[]', %(status)s::text,
       'price_bench',
       '{}', at, CASE WHEN %(status)s::text = 'succeeded' THEN at END, at, at,
       CASE WHEN %(status)s::text = 'succeeded' THEN at END
FROM generate_series(1, %(jobs)s) AS n, LATERAL (SELECT now() - n * interval '1 minute' AS at) moment
"""
_FLOOR = """
import sys, uvicorn
from fastapi import FastAPI
from sqlalchemy import create_engine, text
engine, app = create_engine(sys.argv[1]), FastAPI()
@app.get("/jobs/{job_id}")
def job(job_id: str):
    with engine.connect() as connection:
        found = connection.execute(text("SELECT * FROM jobs WHERE id = :id"), {"id": job_id}).mappings().one()
        return dict(found) | {"request_hash": None}
uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""


def main() -> None:
    """Run it all and print a report in Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--jobs", type=int, default=100_000)
    options.add_argument("--waiting", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as dsn:
        say(f"`python -m benchmarks.control_plane --jobs {asked.jobs} --waiting {asked.waiting}`")
        say(machine(dsn))
        with (
            serving_process(Path(folder)) as api,
            httpx2.Client(base_url=api.url, timeout=120, trust_env=False) as http,
        ):
            team = join(http)
            file = make_file(team)
            fill(dsn, team, file, "ftjob-done", asked.jobs, "succeeded")
            assert api.process is not None
            reads(http, api.process.pid, dsn, file)
            creates(http, api.process.pid, file)
            copies(team)
            for waiting in sorted({2_500, asked.waiting}):
                queue(http, dsn, team, file, waiting)


def fill(dsn: str, team: str, file: str, name: str, jobs: int, status: str) -> None:
    """Insert jobs of one team, one a minute before the other."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        values = {"team": team, "file": file, "name": name, "jobs": jobs, "status": status}
        connection.execute(_JOBS, values)
        connection.execute("VACUUM ANALYZE jobs")


def reads(http: httpx2.Client, pid: int, dsn: str, file: str) -> None:
    """CPU of the reads that are sent most."""
    say("\n| GET, one connection | CPU of the api, ms | × the floor |\n|---|---|---|")
    with floor(dsn) as (url, floor_pid), httpx2.Client(trust_env=False) as bare:
        least = cpu_of(floor_pid, lambda: bare.get(f"{url}/jobs/ftjob-done7"))
    say(f"| the floor | {least:.2f} | 1 |")
    for path in (
        "/v1/fine_tuning/jobs/ftjob-done7",
        "/v1/fine_tuning/jobs?limit=20",
        "/v1/fine_tuning/jobs/ftjob-done7/events",
        "/v1/models",
        f"/v1/files/{file}",
        "/v1/costs",
    ):
        took = cpu_of(pid, lambda path=path: http.get(path))  # type: ignore[misc]
        say(f"| {path.replace(file, 'FILE')} | {took:.2f} | {took / least:.1f} |")


def cpu_of(pid: int, send: Callable[[], httpx2.Response]) -> float:
    """CPU per request of a process, in ms."""
    for _ in range(20):
        assert send().status_code == 200
    before = cpu_us(pid)
    for _ in range(REQUESTS):
        send()
    return (cpu_us(pid) - before) / REQUESTS / 1000


@contextmanager
def floor(dsn: str) -> Iterator[tuple[str, int]]:
    """A server that does only what no server can leave out; its URL and process id."""
    port = free_port()
    argv = [sys.executable, "-c", _FLOOR, dsn.replace("postgresql://", "postgresql+psycopg://"), str(port)]
    process = subprocess.Popen(argv, cwd=ROOT)

    def answers() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/docs", trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    try:
        wait_until(answers, timeout_s=60)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def creates(http: httpx2.Client, pid: int, file: str) -> None:
    """Jobs created by one team over many connections."""
    body = {"model": "sandbox-mini", "training_file": file}
    lasted = []

    def create(_: int) -> None:
        began = time.perf_counter()
        answer = http.post("/v1/fine_tuning/jobs", json=body)
        assert answer.status_code == 200, answer.text
        lasted.append((time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(create, range(CONNECTIONS)))
        lasted.clear()
        before, began = cpu_us(pid), time.perf_counter()
        list(threads.map(create, range(CREATES)))
        seconds = time.perf_counter() - began
    used = (cpu_us(pid) - before) / CREATES / 1000
    say(
        f"\nPOST jobs, one team, {CONNECTIONS} connections: {CREATES / seconds:.0f}/s, "
        f"p50 {sorted(lasted)[len(lasted) // 2]:.0f} ms, {used:.1f} ms of the api's CPU each"
    )


def copies(team: str, events: int = 540) -> None:
    """Events of a provider, copied as a worker does."""
    made = [
        NewEvent(
            EventType.JOB_METRICS, f"Step {step}", data={"step": step, "loss": 1.0}, source_key=str(step)
        )
        for step in range(events)
    ]
    statements = 0

    def note(*_: Any) -> None:
        nonlocal statements
        statements += 1

    event.listen(engine(), "before_cursor_execute", note)
    began, cpu = datetime.now(UTC), time.process_time()
    with transaction() as session:
        append_all(session, team_id=team, subject_id=f"ftjob-{began}", events=made)
    say(f"\n{events} events: {statements} statement, {(time.process_time() - cpu) * 1000:.1f} ms of CPU here")
    event.remove(engine(), "before_cursor_execute", note)


def queue(http: httpx2.Client, dsn: str, team: str, file: str, waiting: int) -> None:
    """A job that waits in the middle of a queue, and the next job of that queue."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM jobs WHERE finished_at IS NULL AND id LIKE 'ftjob-wait%'")
    fill(dsn, team, file, "ftjob-wait", waiting, "queued")
    shown = milliseconds(lambda: http.get(f"/v1/fine_tuning/jobs/ftjob-wait{waiting // 2}"))

    def take() -> None:
        with transaction() as session:
            order.next_jobs(session, QUEUE, 1)

    say(f"\n{waiting:,} waiting: GET one of them {shown:.1f} ms, find the next {milliseconds(take):.1f} ms")


def milliseconds(act: Callable[[], object], times: int = 20) -> float:
    """The median duration."""
    lasted = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        lasted.append((time.perf_counter() - began) * 1000)
    return sorted(lasted)[times // 2]


if __name__ == "__main__":
    main()

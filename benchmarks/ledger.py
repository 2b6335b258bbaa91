"""The ledger at ten million rows: month reports, charging with and without sums, and the audit.

`python -m benchmarks.ledger [--rows 10000000] [--seconds 20] [--data-dir DIR] [--only PART …]`

`--data-dir` keeps the rows for later runs, because generating them takes minutes.
"""

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.harness.database import dsn_of, migrated
from benchmarks.ledger_rows import DAYS, KINDS, generate
from benchmarks.tables import say, timed, took
from service.catalog.price import Price, PriceKind
from service.catalog.prices import prices_at
from service.core.db import engine, transaction
from service.ledger import audit
from service.ledger.actions import place_holds, settle_many
from service.ledger.charges import Charge, HoldAsk, Settlement
from service.ledger.closing.months import month_named
from service.ledger.closing.statement import statements
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.reports.focus import focus_rows
from service.ledger.rollups.sums import roll_up
from service.local.postgres import PostgresServer

PARTS = ("rows", "sums", "reports", "charging", "audit")
BATCH = 50  # requests per settlement, as the gateway writes them under load


def main() -> None:
    """Run all parts, or those in `--only`, and print a report in Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--days", type=int, default=DAYS)
    options.add_argument("--data-dir", type=Path)
    options.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked = options.parse_args()
    with ExitStack() as stack:
        folder = asked.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        dsn = stack.enter_context(database(folder))
        say(f"`python -m benchmarks.ledger --rows {asked.rows}`; {machine(dsn)}")
        if "rows" in asked.only:
            took("rows generated", lambda: generate(dsn, asked.rows, asked.days))
        if "sums" in asked.only:
            took("sums of all rows made", lambda: roll_up_everything(dsn))
            size(dsn)
        if "reports" in asked.only:
            reports()
        if "charging" in asked.only:
            charging(dsn, asked.seconds)
        if "audit" in asked.only:
            took("audit of everything", check)


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Start a durable, migrated server; yields the superuser's DSN.

    The product connects as the application's role, by `settings().database_url`.
    """
    server = PostgresServer(folder / "postgres", settings={"shared_buffers": "512MB", "max_wal_size": "4GB"})
    server.start()
    migrated(server, "bench")
    try:
        yield dsn_of(server.url("bench"))
    finally:
        engine().dispose()
        server.stop()


def machine(dsn: str) -> str:
    """A description of the machine."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    postgres = row[0].split()[0] if row else "?"
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, PostgreSQL {postgres}, "
        f"Python {platform.python_version()}; load of the machine before: {load}"
    )


def roll_up_everything(dsn: str) -> None:
    """Compute all sums, in the same batches as a worker, and have the planner know their tables."""
    while True:
        with transaction() as session:
            if not roll_up(session):
                break
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE ledger_days, ledger_months, ledger_groups")


def size(dsn: str) -> None:
    """Print the size of rows and sums."""
    with psycopg.connect(dsn) as connection:
        for table in ("ledger_rows", "ledger_days", "ledger_months", "ledger_groups"):
            name = sql.Literal(table)
            query = (
                "SELECT count(*), (SELECT pg_size_pretty(coalesce(sum(pg_total_relation_size(relid)), "
                "pg_total_relation_size({0}))) FROM pg_partition_tree({0}) WHERE isleaf) FROM {1}"
            )
            row = connection.execute(sql.SQL(query).format(name, sql.Identifier(table))).fetchone()
            say(f"| {table} | {row[0]:,} rows | {row[1]} |" if row else table)


def reports() -> None:
    """Time month reports, of one team and of all, in several groupings."""
    last = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    month = month_named(f"{last:%Y-%m}")
    for whose, team_id in (("one team", "team_07"), ("all teams", None)):
        scope = CostScope(team_id, month.start, month.end)
        for groups in (
            ["kind"],
            ["team", "model"],
            ["key", "kind"],
            ["job", "model"],
            ["tag", "base"],
            ["tag:app", "team"],
            ["day", "team"],
            ["day", "model"],
            ["day", "tag"],
            ["month", "team"],
        ):
            timed(f"{whose}, by {' and '.join(groups)}", lambda s=scope, g=groups: _report(s, g))  # type: ignore[misc]
        timed(f"{whose}, statement", lambda t=team_id: _statement(month.name, t))  # type: ignore[misc]
        timed(f"{whose}, FOCUS", lambda s=scope: _focus(s), times=3)  # type: ignore[misc]


def _report(scope: CostScope, groups: list[str]) -> int:
    with transaction() as session:
        return len(cost_report(session, scope, groups).rows)


def _statement(month: str, team_id: str | None) -> int:
    with transaction() as session:
        return sum(len(one.lines) for one in statements(session, month_named(month), team_id))


def _focus(scope: CostScope) -> int:
    with transaction() as session:
        return sum(1 for _ in focus_rows(session, scope))


def charging(dsn: str, seconds: float) -> None:
    """Settle as fast as four writers can, with and without a worker that updates the sums."""
    ways = (("no one keeping sums", False), ("a worker keeping sums every 5 s", True))
    for name, keeps_sums in ways * 3:
        roll_up_everything(dsn)
        stop = threading.Event()
        counts: list[int] = []
        writers = [threading.Thread(target=_charge, args=(w, stop, counts)) for w in range(4)]
        if keeps_sums:
            writers.append(threading.Thread(target=_keep_sums, args=(stop,)))
        started = time.monotonic()
        for writer in writers:
            writer.start()
        time.sleep(seconds)
        stop.set()
        for writer in writers:
            writer.join()
        elapsed = time.monotonic() - started
        rate = sum(counts) / elapsed
        say(f"| charging, {name} | {rate:,.0f} requests/s | {3 * rate:,.0f} rows/s |")


def _charge(writer: int, stop: threading.Event, counts: list[int]) -> None:
    with transaction() as session:
        prices = prices_at(session, provider_kind="trainer", model="ft:sandbox-mini", kinds=KINDS)
    number = 0
    while not stop.is_set():
        subjects = [f"bench-{writer}-{time.monotonic_ns()}-{place}" for place in range(BATCH)]
        team = f"team_{(writer * 10 + number % 10):02}"
        with transaction() as session:
            place_holds(session, [HoldAsk(team, subject, Decimal("0.01")) for subject in subjects])
        with transaction() as session:
            settle_many(session, [Settlement(team, one, _charges(team, one, prices)) for one in subjects])
        number += 1
    counts.append(number * BATCH)


def _charges(team: str, subject: str, prices: Mapping[PriceKind, Price]) -> list[Charge]:
    return [
        Charge(
            kind=kind,
            quantity=700,
            price=price,
            unique_key=subject,
            model=f"ft:sandbox-mini:{team}:m1",
            base_model="sandbox-mini",
            provider="trainer",
            key_id=f"{team}_key1",
            tags={"counted_by": "provider", "outcome": "complete"},
        )
        for kind, price in prices.items()
    ]


def _keep_sums(stop: threading.Event) -> None:
    while not stop.wait(5):
        with transaction() as session:
            roll_up(session)


def check() -> None:
    """The audit; a finding ends the benchmark."""
    with transaction() as session:
        audit.begin(session)
        wrong = [str(finding) for finding in audit.findings(session)]
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()

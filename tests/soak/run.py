"""The soak: `make soak`, or `python -m tests.soak.run --minutes 60`. Prints a table for docs/benchmarks.md.

Five teams work without a pause on an api, a worker, PostgreSQL, Valkey and a trainer. Exits with status 1 if
something grows that must stay flat.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.town import Town
from tests.soak.measures import Line, Measures
from tests.soak.teams import Crowd
from tests.support.webhook_receiver import receiver

_EVERY_S = 5.0


def soak(folder: Path, minutes: float, teams: int) -> tuple[list[Line], dict[str, int]]:
    """Let the teams work so long; returns the table, and how much was done."""
    town = Town(folder)
    try:
        with receiver() as target:
            crowd, measures = Crowd(town, target, teams), Measures(town)
            crowd.start()
            until = time.monotonic() + minutes * 60
            while time.monotonic() < until and not crowd.wait(_EVERY_S):
                measures.take()
                target.requests.clear()  # this process must not fill the machine's memory
            crowd.stop()
        return measures.lines(), {**crowd.done, **measures.totals}
    finally:
        town.stop()


def table(lines: Sequence[Line], done: dict[str, int], minutes: float, teams: int) -> str:
    """The result as Markdown."""
    work = ", ".join(f"{count:,} {what}" for what, count in done.items())
    head = [
        f"{minutes:g} minutes, {teams} teams: {work}.",
        "",
        "| | | second fifth | last fifth | most | flat |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        f"| {one.what} | {one.unit} | {one.early:,.1f} | {one.late:,.1f} | {one.most:,.1f} | "
        f"{'yes' if one.is_flat else '**no**'} |"
        for one in lines
    ]
    return "\n".join([*head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--teams", type=int, default=5)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tunehouse-soak-") as folder:
        lines, done = soak(Path(folder), asked.minutes, asked.teams)
    sys.stdout.write(table(lines, done, asked.minutes, asked.teams) + "\n")
    return 0 if all(one.is_flat for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())

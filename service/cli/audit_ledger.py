"""`tunehouse audit-ledger`: check the ledger."""

import time
from pathlib import Path

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from service.cli.commands import DataDir, use_running
from service.cli.entry import app, fail
from service.core.db import transaction
from service.jobs.repair import orphaned_holds
from service.ledger import audit
from service.local.checks import read_settings
from service.local.errors import EmbeddedError

_SHOWN = 20


@app.command()
def audit_ledger(data_dir: DataDir = Path(".tunehouse")) -> None:
    """Check that budgets, sums, prices and holds agree with the ledger.

    Exits with status 1 if anything differs, even by a cent. Changes nothing.
    """
    use_running(data_dir)
    started = time.monotonic()
    try:
        read_settings()
        wrong, extent = _audit()
    except (EmbeddedError, OperationalError, ProgrammingError) as error:
        fail(str(error).splitlines()[0])
    for line in wrong:
        typer.echo(line)
    typer.echo(
        f"{extent.entries:,} rows, {extent.sums:,} daily sums, {extent.accounts:,} accounts and "
        f"{extent.holds:,} holds checked in {time.monotonic() - started:.1f} s: "
        + (f"{len(wrong)} differences" if wrong else "no differences")
    )
    raise typer.Exit(1 if wrong else 0)


def _audit() -> tuple[list[str], audit.Extent]:
    with transaction() as session:
        audit.begin(session)
        wrong = [str(finding) for finding in audit.findings(session)]
        wrong += [
            f"hold without unfinished work: {team_id} {subject_id}"
            for team_id, subject_id in orphaned_holds(session, _SHOWN)
        ]
        return wrong, audit.extent(session)

"""`tunehouse audit-ledger`: does every cent agree?"""

import time
from pathlib import Path

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from service.cli.commands import DataDir, app, fail, use_running
from service.core.db import transaction
from service.jobs.repair import orphaned_holds
from service.ledger import audit
from service.local.checks import read_settings
from service.local.errors import EmbeddedError

_SHOWN = 20


@app.command()
def audit_ledger(data_dir: DataDir = Path(".tunehouse")) -> None:
    """Prove that budgets' counters, daily sums, prices and rows agree; exit 1 on a cent. Changes nothing."""
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
        f"{extent.holds:,} holds read in {time.monotonic() - started:.1f} s: "
        + (f"{len(wrong)} do not agree" if wrong else "all agree")
    )
    raise typer.Exit(1 if wrong else 0)


def _audit() -> tuple[list[str], audit.Extent]:
    with transaction() as session:
        audit.begin(session)
        wrong = [str(finding) for finding in audit.findings(session)]
        wrong += [
            f"a hold has no living work: {team_id} {subject_id}"
            for team_id, subject_id in orphaned_holds(session, _SHOWN)
        ]
        return wrong, audit.extent(session)

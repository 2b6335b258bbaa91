"""Run the SQL files that a migration needs.

Tables are created by `initial/*.sql`. Functions, views and triggers live beside the Python that calls them,
in the `sql` folder of a feature, one file for each function or theme, each written as CREATE OR REPLACE. A
later migration that changes one edits its file and passes the file's name to `run_functions`. To change the
parameters or result of a function, it drops the function first.
"""

from pathlib import Path

from sqlalchemy import Connection

import service.audit.sql
import service.ledger.sql

INITIAL = Path(__file__).parent / "initial"
FUNCTIONS = [Path(package.__file__).parent for package in (service.ledger.sql, service.audit.sql)]


def run_tables(connection: Connection, *names: str) -> None:
    """Run these files of `initial`, in this order."""
    for name in names:
        connection.exec_driver_sql((INITIAL / f"{name}.sql").read_text("utf-8"))


def run_functions(connection: Connection, *names: str) -> None:
    """Create or replace what these files of the `sql` folders define; without names, what all of them do.

    Function bodies are not checked against the tables, because an early migration runs today's text before
    later migrations have added the columns it reads.
    """
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    files = [path for folder in FUNCTIONS for path in sorted(folder.glob("*.sql"))]
    for path in files:
        if not names or path.stem in names:
            connection.exec_driver_sql(path.read_text("utf-8"))

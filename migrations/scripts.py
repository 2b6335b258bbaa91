"""Run the SQL files that a migration needs.

Tables are created by `initial/*.sql`. Functions, views and triggers live beside the Python that calls them,
in `service/ledger/sql`, one file for each function or theme, each written as CREATE OR REPLACE. A later
migration that changes one edits its file and passes the file's name to `run_functions`. To change the
parameters or result of a function, it drops the function first.
"""

from pathlib import Path

from sqlalchemy import Connection

import service.ledger.sql

INITIAL = Path(__file__).parent / "initial"
FUNCTIONS = Path(service.ledger.sql.__file__).parent


def run_tables(connection: Connection, *names: str) -> None:
    """Run these files of `initial`, in this order."""
    for name in names:
        connection.exec_driver_sql((INITIAL / f"{name}.sql").read_text("utf-8"))


def run_functions(connection: Connection, *names: str) -> None:
    """Create or replace what these files of `service/ledger/sql` define; without names, what all of them do.

    Function bodies are not checked against the tables, because an early migration runs today's text before
    later migrations have added the columns it reads.
    """
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    for path in [FUNCTIONS / f"{name}.sql" for name in names] or sorted(FUNCTIONS.glob("*.sql")):
        connection.exec_driver_sql(path.read_text("utf-8"))

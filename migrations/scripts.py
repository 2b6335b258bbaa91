"""Run the SQL files that a migration needs.

Files in `initial/` create the tables. Functions, views and triggers live beside the Python that calls them,
in the `sql` folder of a feature, one file per function or topic, written as CREATE OR REPLACE. To change one,
edit its file and add a migration that passes the file's name to `run_functions`. If the parameters or the
result of a function change, the migration must drop the function first.
"""

from pathlib import Path

from sqlalchemy import Connection

import service.audit.sql
import service.core.sql
import service.ledger.sql

INITIAL = Path(__file__).parent / "initial"
FUNCTIONS = [
    Path(package.__file__).parent for package in (service.core.sql, service.ledger.sql, service.audit.sql)
]


def run_tables(connection: Connection, *names: str) -> None:
    """Run these files of `initial/` in the given order."""
    for name in names:
        connection.exec_driver_sql((INITIAL / f"{name}.sql").read_text("utf-8"))


def run_functions(connection: Connection, *names: str) -> None:
    """Run these files of the `sql` folders, or all of them if no names are given.

    PostgreSQL does not check function bodies here, because an early migration runs today's files before later
    migrations have added the columns that they read.
    """
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    files = [path for folder in FUNCTIONS for path in sorted(folder.glob("*.sql"))]
    for path in files:
        if not names or path.stem in names:
            connection.exec_driver_sql(
                path.read_text("utf-8").replace("%", "%%")
            )  # the driver reads % as a parameter

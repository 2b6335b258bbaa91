"""Run the SQL files that a migration needs.

Files in `initial/` create the tables. Functions, views and triggers live beside the Python that calls them,
in the `sql` folder of a feature, one file per function or topic, written as CREATE OR REPLACE. To change one,
edit its file and add a migration that passes the file's name to `replace_functions`. If the parameters or the
result of a function change, the migration must drop the function first.
"""

from pathlib import Path

from alembic import op
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
        _run(connection, (INITIAL / f"{name}.sql").read_text("utf-8"))


def run_functions(connection: Connection | None, *names: str) -> None:
    """Run these files of the `sql` folders, or all of them if no names are given.

    PostgreSQL does not check function bodies here, because an early migration runs today's files before later
    migrations have added the columns that they read.
    """
    _run(connection, "SET LOCAL check_function_bodies = off")
    files = [path for folder in FUNCTIONS for path in sorted(folder.glob("*.sql"))]
    for path in files:
        if not names or path.stem in names:
            _run(connection, path.read_text("utf-8"))


def replace_functions(*names: str) -> None:
    """Run these files of the `sql` folders in a migration after the first."""
    run_functions(None if op.get_context().as_sql else op.get_bind(), *names)


def _run(connection: Connection | None, sql: str) -> None:
    """Run SQL as it is, or print it if Alembic only shows the SQL, without a connection."""
    if connection is None:
        op.get_context().impl.static_output(f"{sql.strip().rstrip(';')};")
    else:
        connection.exec_driver_sql(sql.replace("%", "%%"))  # the driver reads % as a parameter

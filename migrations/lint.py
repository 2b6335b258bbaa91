"""`python -m migrations.lint`: check that no migration after the first blocks a running service.

squawk, a linter of the `dev` group, gets the SQL of the migrations as they would run it.
"""

import subprocess
import sys
from io import StringIO
from pathlib import Path

from alembic import command

from service.core.postgres.migrate import config

_FIRST = "0001"  # creates everything, so there is nothing yet to block


def main() -> int:
    """Return squawk's status, after it has printed what it found."""
    sql = StringIO()
    shown = config("postgresql+psycopg://")
    shown.output_buffer = sql
    command.upgrade(shown, f"{_FIRST}:head", sql=True)
    squawk = str(Path(sys.executable).with_name("squawk"))
    options = ["--reporter", "gcc", "--no-assume-in-transaction", "--stdin-filepath", "migrations/versions"]
    return subprocess.run([squawk, *options], input=sql.getvalue(), text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

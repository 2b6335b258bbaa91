"""Steps of a migration that take long on large tables, and must not block the service meanwhile.

Each commits, so a migration that fails after one of them runs from its start again: write its other
statements so that they can be repeated (`ADD COLUMN IF NOT EXISTS`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op
from sqlalchemy import text

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def create_index(name: str, definition: str) -> None:
    """Create an index while others write; `definition` follows its name, as in `ON jobs (base_model)`.

    Replaces what an attempt that failed has left, because PostgreSQL keeps it, invalid.
    """
    with _outside_a_transaction():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} {definition}")


def change_rows(statement: str, at_once: int = 10_000) -> None:
    """Repeat an UPDATE or DELETE of at most `:at_once` rows, each in a transaction, until it finds none."""
    batch = text(statement).bindparams(at_once=at_once)
    context = op.get_context()
    with context.autocommit_block():
        if context.as_sql:
            op.execute(batch)
            return
        while op.get_bind().execute(batch).rowcount:
            pass


@contextmanager
def _outside_a_transaction() -> Iterator[None]:
    """Wait as long as it takes: for old transactions of others, and for all rows to be read."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        op.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")

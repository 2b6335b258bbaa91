"""Load the entries of archived months, so that the audit's queries read them like those in the database."""

import tempfile
from collections.abc import Iterator
from typing import IO

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.ledger.archive import parquet
from service.ledger.archive.actions import fetch
from service.ledger.archive.columns import NAMES
from service.ledger.archive.queries import archived_months
from service.ledger.archive.tables import ArchivedMonth

# The end of the transaction drops the table, and with it the view that reads it.
_PREPARE = f"""
    DROP TABLE IF EXISTS pg_temp.archived_entries CASCADE;
    CREATE TEMP TABLE archived_entries ON COMMIT DROP AS SELECT {NAMES} FROM ledger_entries WITH NO DATA;
    CREATE TEMP VIEW audited_entries AS
    SELECT {NAMES} FROM ledger_entries
    WHERE ledger_month(booked_at) NOT IN (SELECT month FROM archived_months)
    UNION ALL SELECT {NAMES} FROM archived_entries"""  # noqa: S608  names of ours
_COPY = f"COPY archived_entries ({NAMES}) FROM STDIN"


def load(session: Session) -> Iterator[tuple[ArchivedMonth, str | None]]:
    """Create `archived_entries`, and `audited_entries` with those in the database too, for this transaction.

    Yields each archived month whose file is missing (None) or has another digest, without its entries.
    """
    session.execute(text(_PREPARE))
    for month in archived_months(session):
        with tempfile.TemporaryFile() as file:
            try:
                digest = fetch(month.storage_key, file)
            except FileNotFoundError:
                yield month, None
                continue
            if digest != month.sha256:
                yield month, digest
                continue
            _copy(session, file)


def _copy(session: Session, file: IO[bytes]) -> None:
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker; a session's connection is open
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in parquet.read(file):
            copy.write_row(row)

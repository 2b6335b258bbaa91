"""Move the rows of a closed month from the database to a Parquet file in storage.

The order keeps them safe: the file is complete in storage and read back before one transaction records it,
keeps it and removes the rows. A failure at any point before leaves the database as it was, and the file is
deleted.
"""

import hashlib
import tempfile
from decimal import Decimal
from typing import IO, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.audit import actions as audit
from service.core import clock
from service.core.storage import storage
from service.errors import Conflict
from service.files.storing import Stored, keep_stored
from service.ledger.archive import parquet
from service.ledger.archive.columns import COLUMNS, selected
from service.ledger.archive.tables import ArchivedMonth
from service.ledger.closing.months import Month
from service.ledger.money import usd
from service.teams.keys.queries import OPERATOR

# Each row is a reason why a month cannot be archived.
_OBSTACLES = text("""
    SELECT 'is archived already.' WHERE EXISTS (SELECT FROM archived_months a WHERE a.month = :first)
    UNION ALL
    SELECT 'is not closed. Close it first: POST /v1/costs/close.'
    WHERE NOT EXISTS (SELECT FROM closed_months c WHERE c.month >= :first)
    UNION ALL
    SELECT 'ended less than 31 days ago. Forecasts still read it.'
    WHERE :end > clock_timestamp() - interval '31 days'
    UNION ALL
    SELECT 'has requests or jobs that are not settled, such as ' || min(h.subject_id)
           || '. Wait until they end, or cancel them.'
    FROM holds h WHERE h.placed_at < :end HAVING count(*) > 0
    UNION ALL
    SELECT 'has entries that no sum contains yet. Wait until a worker has added them.'
    WHERE EXISTS (
        SELECT FROM ledger_entries e LEFT JOIN ledger_marks m ON m.team_id = e.team_id
        WHERE e.booked_at >= :start AND e.booked_at < :end AND e.number > coalesce(m.number, 0))""")
_ENTRIES = text(f"""
    SELECT {selected()} FROM ledger_entries
    WHERE booked_at >= :start AND booked_at < :end ORDER BY team_id, number""")  # noqa: S608  names of ours
_TOTAL = text("""
    SELECT count(*), coalesce(sum(amount_usd), 0) FROM ledger_entries
    WHERE booked_at >= :start AND booked_at < :end""")
_DIFFERS = "The file in storage differs from the rows in the database; nothing was archived."
_EMPTY = text("SELECT ledger_empty_month(:first)")


class Total(NamedTuple):
    """How many entries there are, and what they cost together."""

    entries: int
    amount_usd: Decimal


def check_can_archive(session: Session, month: Month) -> Total:
    """Return what would be archived. Raises `Conflict` if the month must stay in the database for now."""
    reasons = session.scalars(_OBSTACLES, _bounds(month)).all()
    if reasons:
        raise Conflict(f"{month.name} cannot be archived: it {reasons[0]}", param="month")
    return Total(*session.execute(_TOTAL, _bounds(month)).one())


def export(session: Session, month: Month, file: IO[bytes]) -> Total:
    """Write the month's entries to a file, and return what they are. Raises `Conflict`."""
    total = check_can_archive(session, month)
    streaming = session.connection().execution_options(yield_per=parquet.ROWS_PER_GROUP)
    parquet.write(streaming.execute(_ENTRIES, _bounds(month)).partitions(), file)
    file.seek(0)
    return total


def check_stored(stored: Stored, total: Total) -> None:
    """Read the file back from storage. Raises `Conflict` if it is not the month's entries."""
    with tempfile.TemporaryFile() as file:
        entries, amount_usd = 0, Decimal(0)
        if fetch(stored.key, file) == stored.sha256:
            place = list(COLUMNS).index("amount_usd")
            for row in parquet.read(file):
                entries += 1
                amount_usd += row[place]
    if Total(entries, amount_usd) != total:
        raise Conflict(_DIFFERS)


def archive(owner: Session, month: Month, stored: Stored, exported: Total) -> ArchivedMonth:
    """Record the file and remove the month's rows, except those of jobs, corrections and reviews.

    `owner` is a session of the owner of the tables, because the application cannot remove rows. Raises
    `Conflict` if the rows are not those that were exported.
    """
    total = check_can_archive(owner, month)
    if total != exported:
        raise Conflict(_DIFFERS)
    archived = ArchivedMonth(
        month=month.start.date(),
        archived_at=clock.now(),
        storage_key=stored.key,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        entries=total.entries,
        amount_usd=total.amount_usd,
    )
    owner.add(archived)
    keep_stored(owner, stored)
    owner.flush()
    owner.execute(_EMPTY, _bounds(month))
    audit.append(
        owner,
        team_id=None,
        key_id=OPERATOR,
        by_admin=True,
        action="tunehouse archive-ledger",
        object_id=month.name,
        params={"entries": total.entries, "amount_usd": usd(total.amount_usd), "sha256": stored.sha256},
        status_code=200,
    )
    return archived


def fetch(key: str, file: IO[bytes]) -> str:
    """Copy a content to a file, rewind it, and return its SHA-256. Raises `FileNotFoundError`."""
    digest = hashlib.sha256()
    for chunk in storage().read(key):
        digest.update(chunk)
        file.write(chunk)
    file.seek(0)
    return digest.hexdigest()


def _bounds(month: Month) -> dict[str, object]:
    return {"first": month.start.date(), "start": month.start, "end": month.end}

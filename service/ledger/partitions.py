"""The partitions of the ledger's rows, one for each calendar month (UTC)."""

from sqlalchemy import text
from sqlalchemy.orm import Session

# Settling adds a missing partition too, but then all requests that settle wait for it.
_ADD_NEXT = text("""
    SELECT ledger_add_month(ahead.month)
    FROM (SELECT (ledger_month(clock_timestamp()) + interval '1 month')::date AS month) ahead""")


def add_next_month(session: Session) -> int:
    """Add the partition of the coming month, and return how many were added: one, or zero if it exists."""
    return int(session.scalar(_ADD_NEXT))

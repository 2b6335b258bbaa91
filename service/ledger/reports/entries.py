"""List the ledger's entries that a report adds up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.ledger.archive.queries import archived_months
from service.ledger.tables import Entry


@dataclass(frozen=True)
class EntryFilter:
    """What entries must have in common: a time of booking, `end` excluded, and the values of other fields."""

    start: datetime | None = None
    end: datetime | None = None
    kind: str | None = None
    model: str | None = None
    job_id: str | None = None
    key_id: str | None = None
    provider: str | None = None


def incomplete_months(session: Session, wanted: EntryFilter) -> list[str]:
    """Return the archived months, such as `2026-03`, of which `list_entries` has some entries only.

    Entries of jobs are never archived.
    """
    if wanted.job_id is not None:
        return []
    return [
        f"{archived.month:%Y-%m}"
        for archived in archived_months(session)
        if (wanted.start is None or archived.month >= wanted.start.date())
        and (wanted.end is None or archived.month < wanted.end.date())
    ]


def list_entries(
    session: Session, team_id: str, wanted: EntryFilter, *, after: str | None, limit: int
) -> tuple[Sequence[Entry], bool]:
    """Return a team's entries, newest first, and whether more follow.

    `after` is the number of an entry, as text. Raises `NotFound` if it is not a number.
    """
    query = select(Entry).where(Entry.team_id == team_id)
    for name in ("kind", "model", "job_id", "key_id", "provider"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Entry, name) == value)
    if wanted.start is not None:
        query = query.where(Entry.booked_at >= wanted.start)
    if wanted.end is not None:
        query = query.where(Entry.booked_at < wanted.end)
    if after is not None:
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise NotFound(f"'after' must be the number of an entry, not {after!r}.", param="after")
        query = query.where(Entry.first_number < int(after), Entry.number < int(after))
    rows = session.scalars(query.order_by(Entry.number.desc()).limit(limit + 1)).all()
    return rows[:limit], len(rows) > limit

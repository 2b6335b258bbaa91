"""Delete what is too old to matter, a bounded piece at a time."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnClause, delete, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session


def prune(session: Session, since: InstrumentedAttribute[datetime], older_than: timedelta, limit: int) -> int:
    """Delete up to `limit` rows of the table of `since` that are older than that, and return how many."""
    table = since.class_.__table__
    place: ColumnClause[str] = literal_column("ctid")
    old = select(place).select_from(table).where(since < func.now() - older_than).limit(limit)
    gone = session.execute(delete(table).where(place.in_(old)).returning(place))
    return len(gone.all())

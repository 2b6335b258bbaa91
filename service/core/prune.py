"""Delete old rows, a bounded number at a time."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnClause, delete, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session


def prune(session: Session, since: InstrumentedAttribute[datetime], older_than: timedelta, limit: int) -> int:
    """Delete up to `limit` rows whose column `since` is older than `older_than`; returns how many."""
    table = since.class_.__table__
    place: ColumnClause[str] = literal_column("ctid")
    old = select(place).select_from(table).where(since < func.now() - older_than).limit(limit)
    gone = session.execute(delete(table).where(place.in_(old)).returning(place))
    return len(gone.all())

"""Which months are archived, and refusing what their entries would have to answer."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.errors import InvalidRequest
from service.ledger.archive.tables import ArchivedMonth

WHOLE_DAYS = "Start and end at midnight (UTC): sums of whole days remain."


def refuse_archived(
    session: Session, spans: Iterable[tuple[datetime, datetime]], *, param: str, remedy: str
) -> None:
    """Raise `InvalidRequest` if one of these spans lies in an archived month, even in part."""
    for start, end in spans:
        overlaps = ArchivedMonth.month >= func.ledger_month(start), ArchivedMonth.month < end.date()
        first = session.scalar(select(func.min(ArchivedMonth.month)).where(*overlaps))
        if first is not None:
            raise InvalidRequest(
                f"The entries of {first:%Y-%m} are archived, and their database rows are gone. {remedy}",
                param=param,
            )


def archived_months(session: Session) -> list[ArchivedMonth]:
    """All archived months, oldest first."""
    return list(session.scalars(select(ArchivedMonth).order_by(ArchivedMonth.month)))

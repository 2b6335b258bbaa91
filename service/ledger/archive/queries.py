"""Which months are archived, and refusing what their entries would have to answer."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.errors import InvalidRequest
from service.ledger.archive.tables import ArchivedMonth

_MOMENT = timedelta(microseconds=1)  # the finest that Postgres stores
WHOLE_DAYS = "Start and end at midnight (UTC): sums of whole days remain."


def refuse_archived(
    session: Session, spans: Iterable[tuple[datetime, datetime]], *, param: str, remedy: str
) -> None:
    """Raise `InvalidRequest` if one of these spans lies in an archived month, even in part."""
    for start, end in spans:
        months = func.ledger_month(start), func.ledger_month(end - _MOMENT)
        first = session.scalar(
            select(func.min(ArchivedMonth.month)).where(ArchivedMonth.month.between(*months))
        )
        if first is not None:
            raise InvalidRequest(
                f"The entries of {first:%Y-%m} are archived, and their database rows are gone. {remedy}",
                param=param,
            )


def archived_months(session: Session) -> list[ArchivedMonth]:
    """All archived months, oldest first."""
    return list(session.scalars(select(ArchivedMonth).order_by(ArchivedMonth.month)))

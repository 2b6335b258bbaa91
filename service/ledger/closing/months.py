"""Calendar months (UTC), and closing them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.errors import InvalidRequest
from service.events.actions import append
from service.events.types import EventType
from service.ledger.closing.tables import ClosedMonth
from service.ledger.tables import LedgerAccount
from service.teams.tables import Team

_LOCK = text("SELECT ledger_lock(CAST(:team_ids AS text[]), NULL)")
# `ledger_lock` takes the same lock, shared, before it opens an account.
_CLOSING = text("SELECT pg_advisory_xact_lock(7246002)")
_NAME = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Month:
    """A calendar month; `end` is the first moment after it."""

    name: str
    start: datetime
    end: datetime


def month_named(name: str) -> Month:
    """Parse a month such as `2026-11`. Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is not a month. Write it as YYYY-MM, such as 2026-11.", param="month")
    year, number = int(name[:4]), int(name[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return Month(name, datetime(year, number, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC))


def present_month() -> Month:
    """The current month."""
    return month_named(f"{clock.now():%Y-%m}")


def month_due(now: datetime, days: int) -> Month:
    """The latest month that ended at least `days` days before `now`."""
    in_it = (now - timedelta(days=days)).replace(day=1) - timedelta(days=1)
    return month_named(f"{in_it:%Y-%m}")


def close_month(session: Session, month: Month, most: int | None = None) -> int:
    """Close this and all earlier months for every team, permanently.

    Returns the number of teams for which the month was still open. Later charges and corrections for a closed
    month are booked at the time they are recorded, also for teams created after the close. Each team that
    existed in the month gets an event. `most` limits how many teams this call closes. Raises `InvalidRequest`
    if the month has not ended.
    """
    if clock.now() < month.end:
        raise InvalidRequest(
            f"{month.name} has not ended. You can close it from {month.end:%Y-%m-%d} 00:00 UTC on.",
            param="month",
        )
    session.execute(_CLOSING)
    closed = select(LedgerAccount.id).where(
        LedgerAccount.id == Team.id, LedgerAccount.closed_before >= month.end
    )
    team_ids = session.scalars(select(Team.id).where(~closed.exists()).order_by(Team.id).limit(most)).all()
    closing = insert(ClosedMonth).values(month=month.start.date(), closed_at=clock.now())
    session.execute(closing.on_conflict_do_nothing())
    # Take the accounts' locks, so that each concurrent charge is booked entirely before or after the close.
    session.execute(_LOCK, {"team_ids": team_ids})
    earlier = or_(LedgerAccount.closed_before.is_(None), LedgerAccount.closed_before < month.end)
    session.execute(
        update(LedgerAccount).where(LedgerAccount.id.in_(team_ids), earlier).values(closed_before=month.end),
        execution_options={"synchronize_session": False},
    )
    own = select(Team.id).where(Team.id.in_(team_ids), Team.created_at < month.end).order_by(Team.id)
    for team_id in session.scalars(own).all():
        _append_event(session, team_id, month)
    return len(team_ids)


def _append_event(session: Session, team_id: str, month: Month) -> None:
    statement = f"/v1/costs/statement?month={month.name}"
    append(
        session,
        team_id=team_id,
        subject_id=team_id,
        type=EventType.MONTH_CLOSED,
        message=(
            f"{month.name} is closed and its statement is final. "
            "Later charges are booked in the current month."
        ),
        data={"month": month.name, "statement": statement, "statement_html": f"{statement}&format=html"},
        source_key=f"month_closed:{month.name}",
    )


def is_closed(session: Session, month: Month) -> bool:
    """Whether the month is closed."""
    latest = closed_until(session)
    return latest is not None and latest >= month.start.date()


def closed_until(session: Session) -> date | None:
    """The first day of the latest closed month; None if no month is closed."""
    return session.scalar(select(func.max(ClosedMonth.month)))

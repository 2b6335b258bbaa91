"""Calendar months (UTC), and closing them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from service.core import clock
from service.errors import InvalidRequest
from service.events.actions import append
from service.events.types import EventType
from service.ledger.tables import Account
from service.teams.tables import Team

_LOCK = text("SELECT ledger_lock(CAST(:team_ids AS text[]), NULL)")
_NAME = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Month:
    """A calendar month; `end` is the first moment after it."""

    name: str
    start: datetime
    end: datetime


def month_named(name: str) -> Month:
    """The month called like `2026-11`. Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is no month; write one as 2026-11.", param="month")
    year, number = int(name[:4]), int(name[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return Month(name, datetime(year, number, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC))


def present_month() -> Month:
    """The month that is now."""
    return month_named(f"{clock.now():%Y-%m}")


def month_due(now: datetime, days: int) -> Month:
    """The latest month that ended at least `days` days before `now`. Pure."""
    in_it = (now - timedelta(days=days)).replace(day=1) - timedelta(days=1)
    return month_named(f"{in_it:%Y-%m}")


def close_month(session: Session, month: Month, most: int | None = None) -> int:
    """Let no team's rows be booked into this or an earlier month any more; returns for how many that is new.

    What occurred then and is charged or corrected later is booked at the moment of its recording. A month
    that is closed stays so. Each team that was there by then is told by an event. With `most`, only so many
    teams are dealt with. Raises `InvalidRequest` for a month that is not over.
    """
    if clock.now() < month.end:
        raise InvalidRequest(f"{month.name} is not over yet.", param="month")
    closed = select(Account.id).where(Account.id == Team.id, Account.closed_before >= month.end)
    team_ids = session.scalars(select(Team.id).where(~closed.exists()).order_by(Team.id).limit(most)).all()
    # Under the accounts' locks: what is being charged at this moment is booked wholly before or after.
    session.execute(_LOCK, {"team_ids": team_ids})
    earlier = or_(Account.closed_before.is_(None), Account.closed_before < month.end)
    newly = session.scalars(
        update(Account)
        .where(Account.id.in_(team_ids), earlier)
        .values(closed_before=month.end)
        .returning(Account.id),
        execution_options={"synchronize_session": False},
    ).all()
    for team_id in session.scalars(
        select(Team.id).where(Team.id.in_(newly), Team.created_at < month.end).order_by(Team.id)
    ):
        _tell_closed(session, team_id, month)
    return len(newly)


def _tell_closed(session: Session, team_id: str, month: Month) -> None:
    append(
        session,
        team_id=team_id,
        subject_id=team_id,
        type=EventType.MONTH_CLOSED,
        message=f"{month.name} is closed and its statement final; what comes late counts in the open month.",
        data={"month": month.name},
        source_key=f"month_closed:{month.name}",
    )


def is_closed(session: Session, team_id: str, month: Month) -> bool:
    """Whether the team's month takes no more rows."""
    closed = select(func.coalesce(Account.closed_before >= month.end, False)).where(Account.id == team_id)
    return bool(session.scalar(closed))

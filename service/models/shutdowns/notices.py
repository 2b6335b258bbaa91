"""Notify teams before their models shut down."""

from datetime import date, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.events.actions import append
from service.events.types import EventType
from service.models.shutdowns.queries import Affected, Shutdown, affected, shutdown_dates
from service.models.shutdowns.tables import ShutdownNotice

# Days before a shutdown at which teams are notified, once each.
STAGES = (7, 30, 60, 90)

_MOST_NAMED = 100  # names in one notice; GET /v1/shutdowns has the whole list


def stage(days_left: int) -> int | None:
    """The notice that is due `days_left` days before a shutdown: the last stage reached, if any."""
    reached = [days for days in STAGES if 0 <= days_left <= days]
    return min(reached, default=None)


def send_notices(session: Session, today: date) -> int:
    """Notify every team of its coming shutdowns, once per base, day and stage; returns how many were sent."""
    until = today + timedelta(days=max(STAGES))
    sent = 0
    for shutdown, losses in affected(session, shutdown_dates(session), until=until).items():
        days_left = (shutdown.day - today).days
        due = stage(days_left)
        if due is not None and _claim(session, shutdown, due):
            _notify(session, shutdown, losses, days_left)
            sent += 1
    return sent


def _claim(session: Session, shutdown: Shutdown, days: int) -> bool:
    """Insert the notice's row. False when another worker has inserted it, and sends the notice."""
    row = insert(ShutdownNotice).values(
        team_id=shutdown.team_id,
        provider=shutdown.provider,
        base_model=shutdown.base_model,
        shutdown_date=shutdown.day,
        days=days,
        sent_at=clock.now(),
    )
    new = row.on_conflict_do_nothing().returning(ShutdownNotice.days)
    return session.execute(new).one_or_none() is not None


def _notify(session: Session, shutdown: Shutdown, losses: Affected, days_left: int) -> None:
    append(
        session,
        team_id=shutdown.team_id,
        subject_id=shutdown.base_model,
        type=EventType.MODEL_SHUTDOWN_APPROACHING,
        level="warn",
        message=(
            f"{shutdown.base_model} shuts down on {shutdown.day}, in {days_left} days. This affects "
            f"{losses.model_count} tuned models and {len(losses.aliases)} aliases."
        ),
        data={
            "provider": shutdown.provider,
            "shutdown_date": shutdown.day.isoformat(),
            "days_left": days_left,
            "models": losses.models[:_MOST_NAMED],
            "model_count": losses.model_count,
            "aliases": losses.aliases[:_MOST_NAMED],
        },
    )

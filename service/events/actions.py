"""Append to the event log."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids, work
from service.events.tables import Event, EventCounter
from service.events.types import PUBLISHED, EventType

PUBLISH = "event.publish"  # the work item that creates an event's webhook deliveries
CHANNEL = "tunehouse_events"  # notified with the job's id when a job has a new event
_JOB = "fine_tuning.job."
Level = Literal["info", "warn", "error"]


def append(
    session: Session,
    *,
    team_id: str | None,
    subject_id: str,
    type: EventType,
    message: str = "",
    level: Level = "info",
    data: dict[str, Any] | None = None,
    source_key: str | None = None,
    created_at: datetime | None = None,
) -> Event | None:
    """Append one event in the caller's transaction; None when `source_key` was appended before."""
    counter = _locked_counter(session, subject_id)
    if source_key is not None and _is_known(session, subject_id, source_key):
        return None
    counter.last_number += 1
    prefix = "ftevent-" if type.startswith(_JOB) else "evt_"
    event = Event(
        id=ids.new_id(prefix),
        team_id=team_id,
        subject_id=subject_id,
        number=counter.last_number,
        type=type.value,
        level=level,
        message=message,
        data=data or {},
        source_key=source_key,
        created_at=created_at or clock.now(),
    )
    session.add(event)
    session.flush()
    if type.startswith(_JOB):
        # Delivered at commit; wakes the streams of the job's events.
        session.execute(select(func.pg_notify(CHANNEL, subject_id)))
    if type in PUBLISHED:
        work.schedule(session, PUBLISH, event.id, team_id=team_id)
    return event


def _locked_counter(session: Session, subject_id: str) -> EventCounter:
    session.execute(
        insert(EventCounter).values(subject_id=subject_id, last_number=0).on_conflict_do_nothing()
    )
    held = select(EventCounter).where(EventCounter.subject_id == subject_id).with_for_update()
    return session.scalars(held.execution_options(populate_existing=True)).one()


def _is_known(session: Session, subject_id: str, source_key: str) -> bool:
    same = Event.subject_id == subject_id, Event.source_key == source_key
    return session.scalar(select(Event.id).where(*same)) is not None

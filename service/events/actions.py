"""Append to the event log."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.core import clock, ids, work
from service.events.types import PUBLISHED, EventType

PUBLISH = "event.publish"  # the work item that creates an event's webhook deliveries
CHANNEL = "tunehouse_events"  # notified with the job's id when a job has a new event
_JOB = "fine_tuning.job."
Level = Literal["info", "warn", "error"]


@dataclass(frozen=True)
class NewEvent:
    """An event to append; `source_key` identifies it at its source, so that it is appended once."""

    type: EventType
    message: str = ""
    level: Level = "info"
    data: dict[str, Any] = field(default_factory=dict)
    source_key: str | None = None
    created_at: datetime | None = None


# Numbers and rows in one statement. The counter's row stays locked until the transaction ends, so the events
# of a subject commit in order. A key that another transaction adds meanwhile violates the unique constraint.
_APPEND = text("""
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS g (
            place int, id text, type text, message text, level text, data jsonb, source_key text,
            created_at timestamptz)
    ), fresh AS (
        SELECT g.*, row_number() OVER (ORDER BY place) AS turn
        FROM given g
        WHERE source_key IS NULL OR NOT EXISTS (
            SELECT FROM events e WHERE e.subject_id = :subject_id AND e.source_key = g.source_key)
    ), counted AS (
        INSERT INTO event_counters AS c (subject_id, last_number)
        SELECT :subject_id, count(*) FROM fresh HAVING count(*) > 0
        ON CONFLICT (subject_id) DO UPDATE SET last_number = c.last_number + excluded.last_number
        RETURNING last_number
    ), appended AS (
        INSERT INTO events (
            id, team_id, subject_id, number, type, level, message, data, source_key, created_at)
        SELECT f.id, :team_id, :subject_id, c.last_number - (SELECT count(*) FROM fresh) + f.turn, f.type,
               f.level, f.message, f.data, f.source_key, f.created_at
        FROM fresh f, counted c
        ORDER BY f.turn
        RETURNING id, type, number
    ), noticed AS (
        SELECT pg_notify(:channel, :subject_id)
        FROM (SELECT FROM appended WHERE starts_with(type, :job) LIMIT 1) one
    )
    SELECT a.id FROM appended a LEFT JOIN noticed ON true ORDER BY number""")


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
) -> str | None:
    """Append one event in the caller's transaction; return its id, None if its key was appended before."""
    event = NewEvent(type, message, level, data or {}, source_key)
    return next(iter(append_all(session, team_id=team_id, subject_id=subject_id, events=[event])), None)


def append_all(
    session: Session, *, team_id: str | None, subject_id: str, events: Sequence[NewEvent]
) -> list[str]:
    """Append events of one subject in the caller's transaction, in one statement; return the ids of the new.

    Events whose `source_key` was appended before, or occurs earlier in `events`, are left out.
    """
    now = clock.now()
    once = {event.source_key or place: (place, event) for place, event in reversed(list(enumerate(events)))}
    rows = {_id_for(event): (place, event) for place, event in once.values()}
    if not rows:
        return []
    given = [
        {
            "place": place,
            "id": id_,
            "type": event.type.value,
            "message": event.message,
            "level": event.level,
            "data": event.data,
            "source_key": event.source_key,
            "created_at": (event.created_at or now).isoformat(),
        }
        for id_, (place, event) in rows.items()
    ]
    appended = session.scalars(
        _APPEND,
        {
            "events": json.dumps(given),
            "team_id": team_id,
            "subject_id": subject_id,
            "channel": CHANNEL,
            "job": _JOB,
        },
    ).all()
    for id_ in appended:
        if rows[id_][1].type in PUBLISHED:
            work.schedule(session, PUBLISH, id_, team_id=team_id)
    return list(appended)


def _id_for(event: NewEvent) -> str:
    return ids.new_id("ftevent-" if event.type.startswith(_JOB) else "evt_")

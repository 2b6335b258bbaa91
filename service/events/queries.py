"""Read the event log."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.http.pages import Page, fetch_page
from service.events.tables import Event
from service.events.types import EventType


def list_events(
    session: Session,
    team_id: str,
    subject_id: str,
    *,
    types: Collection[EventType] | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Event]:
    """One subject's events, newest first. Raises `NotFound` for an unknown cursor."""
    own = select(Event).where(Event.team_id == team_id, Event.subject_id == subject_id)
    if types is not None:
        own = own.where(Event.type.in_([type_.value for type_ in types]))
    return fetch_page(session, own, sort=Event.number, id_=Event.id, after=after, limit=limit)


def events_after(session: Session, team_id: str, subject_id: str, number: int, limit: int) -> list[Event]:
    """One subject's events numbered above `number`, oldest first, for a client that resumes a stream."""
    own = Event.team_id == team_id, Event.subject_id == subject_id, Event.number > number
    return list(session.scalars(select(Event).where(*own).order_by(Event.number).limit(limit)))


def get_event(session: Session, event_id: str) -> Event | None:
    """The event with that id, of any team: for workers, not for routes."""
    return session.scalar(select(Event).where(Event.id == event_id))

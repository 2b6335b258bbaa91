"""All tables of all features, imported for their side effect on the shared metadata."""

from service.core.db import Base
from service.core.work import WorkItem
from service.events.tables import Event, EventCounter
from service.teams.tables import ApiKey, IdempotencyRecord, Team

METADATA = Base.metadata

__all__ = ["METADATA", "ApiKey", "Event", "EventCounter", "IdempotencyRecord", "Team", "WorkItem"]

"""The event log."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Event(Base):
    """A change of one object, appended in the transaction of the change.

    `team_id` is None for objects that belong to no team, such as the organization's budget.
    `number` counts per subject, from 1 without gaps. `source_key` identifies the event at its source, such as
    a provider's event id, so that copying it twice appends it once.
    """

    __tablename__ = "events"

    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    subject_id: Mapped[str]
    number: Mapped[int]
    type: Mapped[str]
    level: Mapped[str]
    message: Mapped[str]
    data: Mapped[dict[str, Any]]
    source_key: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("subject_id", "number"),
        UniqueConstraint("subject_id", "source_key"),
        Index(None, "team_id", "type", "position"),
    )


class EventCounter(Base):
    """The last event number of each subject; its row lock makes a subject's events commit in order."""

    __tablename__ = "event_counters"

    subject_id: Mapped[str] = mapped_column(primary_key=True)
    last_number: Mapped[int]

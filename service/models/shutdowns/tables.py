"""What providers say about the end of their models, when they were asked, and who was told."""

from datetime import date, datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class AnnouncedEnd(Base):
    """The day on which a provider says that a base ends; it counts more than the catalogue's."""

    __tablename__ = "announced_ends"

    provider: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    shutdown_date: Mapped[date]
    seen_at: Mapped[datetime]


class EndPoll(Base):
    """When a provider was last to be asked for the ends of its models."""

    __tablename__ = "end_polls"

    provider: Mapped[str] = mapped_column(primary_key=True)
    ordered_at: Mapped[datetime]


class EndNotice(Base):
    """A team was told that what it has of a base ends on that day, `days` or fewer before it."""

    __tablename__ = "end_notices"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    base_model: Mapped[str] = mapped_column(primary_key=True)
    shutdown_date: Mapped[date] = mapped_column(primary_key=True)
    days: Mapped[int] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]

"""Announced shutdown dates, when each provider was last asked for them, and which teams were notified."""

from datetime import date, datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class AnnouncedShutdown(Base):
    """The day on which a provider says it shuts down a base model. It overrides the catalogue's date."""

    __tablename__ = "announced_shutdowns"

    provider: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    shutdown_date: Mapped[date]
    seen_at: Mapped[datetime]


class ShutdownPoll(Base):
    """When a poll of a provider's shutdown dates was last scheduled."""

    __tablename__ = "shutdown_polls"

    provider: Mapped[str] = mapped_column(primary_key=True)
    scheduled_at: Mapped[datetime]


class ShutdownNotice(Base):
    """A notice sent to a team, `days` or fewer before a base model that it uses shuts down."""

    __tablename__ = "shutdown_notices"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    base_model: Mapped[str] = mapped_column(primary_key=True)
    shutdown_date: Mapped[date] = mapped_column(primary_key=True)
    days: Mapped[int] = mapped_column(primary_key=True)
    sent_at: Mapped[datetime]

"""Teams, and the answers to their idempotent writes."""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Team(Base):
    """A group of people who share a budget, datasets, jobs and models."""

    __tablename__ = "teams"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    # `metadata` on the wire; SQLAlchemy keeps that attribute name for itself.
    labels: Mapped[dict[str, Any]] = mapped_column("metadata")
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    # What an archived team's jobs do: `finish` or `cancel`.
    left_jobs: Mapped[str | None]


class IdempotencyRecord(Base):
    """The first response to a write with an `Idempotency-Key`, committed with the work it reports."""

    __tablename__ = "idempotency_records"

    caller_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)

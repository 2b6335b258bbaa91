"""Teams and their keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
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


class ApiKey(Base):
    """A bearer key, known only by the SHA-256 of its secret; without a team it is an admin key."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at"),)


class IdempotencyRecord(Base):
    """The first answer to a write that named an `Idempotency-Key`, kept with the work it tells of."""

    __tablename__ = "idempotency_records"

    caller_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)

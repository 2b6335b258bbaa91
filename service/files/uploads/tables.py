"""Tables of uploads and their parts."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class UploadStatus(StrEnum):
    """The state of an upload: pending ─► completed | cancelled | expired."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # in responses only, computed from `expires_at`


class Upload(Base):
    """An upload of one file in parts."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    filename: Mapped[str]
    purpose: Mapped[str]
    mime_type: Mapped[str]
    format: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    file_expires_after_s: Mapped[int | None]
    file_id: Mapped[str | None] = mapped_column(ForeignKey("files.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (Index(None, "team_id", "created_at"),)


class UploadPart(Base):
    """A stored part, which is deleted when the upload expires unless it is completed."""

    __tablename__ = "upload_parts"

    id: Mapped[str] = mapped_column(primary_key=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"))
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "upload_id"),)

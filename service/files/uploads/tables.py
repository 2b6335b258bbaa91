"""Uploads in parts."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class UploadStatus(StrEnum):
    """pending ─► completed | cancelled; a pending one whose hour is over is expired."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # on the wire only: the clock says it, no row does


class Upload(Base):
    """A file that is being sent in parts, or was."""

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
    """A stored part; its content deletes itself with its upload's hour unless the upload is completed."""

    __tablename__ = "upload_parts"

    id: Mapped[str] = mapped_column(primary_key=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"))
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "upload_id"),)

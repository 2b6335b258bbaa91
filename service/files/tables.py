"""Tables of files, their contents, their uses, and their copies at providers."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Purpose(StrEnum):
    """What a file is for."""

    FINE_TUNE = "fine-tune"
    RESULTS = "fine-tune-results"


class FileStatus(StrEnum):
    """The state of a file: uploaded ─► processed | error."""

    UPLOADED = "uploaded"
    PROCESSED = "processed"
    ERROR = "error"


class Content(Base):
    """Bytes that a team owns, stored once for all its files with this content.

    They are the objects `storage_keys` in order, or `inline` for small result files.
    """

    __tablename__ = "contents"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    storage_keys: Mapped[list[str]] = mapped_column(ARRAY(String))
    inline: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class File(Base):
    """A team's file. A deleted file keeps its row, because lineage needs the hash."""

    __tablename__ = "files"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    purpose: Mapped[str]
    filename: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    status: Mapped[str]
    status_details: Mapped[str | None]
    format: Mapped[str | None]
    report: Mapped[dict[str, Any] | None]
    # The full list of errors as JSON lines, if there are more than the report lists.
    errors_key: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "team_id", "created_at", "id"),
        Index(None, "team_id", "purpose", "created_at", "id"),
        Index(None, "team_id", "sha256"),
    )


class ContentRows(Base):
    """A 64-bit hash per row of a checked content, in line order, to find rows that two files share.

    For large contents only hashes that end in `level` zero bits are stored, and `lines` has their lines.
    Both files sample by the hash itself, so a shared row is sampled in both or in neither.
    """

    __tablename__ = "content_rows"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int]
    hashes: Mapped[bytes] = mapped_column(LargeBinary)  # uint64, little-endian
    lines: Mapped[bytes] = mapped_column(LargeBinary)  # uint32, little-endian


class TokenCount(Base):
    """The exact token counts of a content by one base's own tokenizer.

    When the count failed, `tokens` is null and `note` says why.
    """

    __tablename__ = "token_counts"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[dict[str, Any] | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime]


class Derivation(Base):
    """Files being created from another one, by conversion or by a split."""

    __tablename__ = "derivations"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    source_id: Mapped[str] = mapped_column(ForeignKey("files.id"))
    kind: Mapped[str]
    options: Mapped[dict[str, Any]]
    output_ids: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "team_id", "source_id"),
        Index(None, "output_ids", postgresql_using="gin"),
    )


class Reservation(Base):
    """Room set aside in a team's storage quota for bytes that are arriving or being made.

    `upload_id` is set for a part of an upload; it has no foreign key, because reservations are short-lived.
    """

    __tablename__ = "reservations"

    key: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    upload_id: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    ends_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id"),)


class DatasetPolicy(Base):
    """The warnings that a team treats as errors."""

    __tablename__ = "dataset_policies"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    errors: Mapped[list[str]] = mapped_column(ARRAY(String))
    updated_at: Mapped[datetime]


class FileUse(Base):
    """The id of an object that uses a file and so protects it from deletion."""

    __tablename__ = "file_uses"

    file_id: Mapped[str] = mapped_column(ForeignKey("files.id"), primary_key=True)
    used_by: Mapped[str] = mapped_column(primary_key=True)


class FileCopy(Base):
    """The copy of a content at a provider. The provider's id of it never leaves the service."""

    __tablename__ = "file_copies"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    provider_file_id: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["team_id"], ["teams.id"]),
        # Two contents must not share a copy: deleting one would delete both.
        UniqueConstraint("provider", "provider_file_id"),
    )

"""Files, their contents, who needs them, and their copies at providers."""

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
    """How far a file's checks are: uploaded ─► processed | error."""

    UPLOADED = "uploaded"
    PROCESSED = "processed"
    ERROR = "error"


class Content(Base):
    """Bytes that a team owns once, however many of its files hold them.

    They are those of `storage_keys` in order, or `inline` where they are few and made by us.
    """

    __tablename__ = "contents"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    storage_keys: Mapped[list[str]] = mapped_column(ARRAY(String))
    inline: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class File(Base):
    """A file of a team. Deleted ones keep their row, and with it the hash that lineage needs."""

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
    # Where all errors are, a JSON object a line, when there are more than the report lists.
    errors_key: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at", "id"), Index(None, "team_id", "sha256"))


class ContentRows(Base):
    """A 64-bit hash per row of a checked content, in the order of its lines: finds rows that two files share.

    Of a content with very many rows only those whose hash ends in `level` zero bits are kept, with the line
    of each in `lines`; as both sides choose by the hash itself, what one keeps the other would keep too.
    """

    __tablename__ = "content_rows"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int]
    hashes: Mapped[bytes] = mapped_column(LargeBinary)  # uint64, little-endian
    lines: Mapped[bytes] = mapped_column(LargeBinary)  # uint32, little-endian


class TokenCount(Base):
    """A content in tokens of one base's own tokenizer, counted by its provider: exact, and counted once.

    Without `tokens` it could not be counted, and `note` says why.
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
    """Files that are being made from another one: by conversion, or by a split."""

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


class DatasetPolicy(Base):
    """Which warnings keep a team's files from being trained on."""

    __tablename__ = "dataset_policies"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    errors: Mapped[list[str]] = mapped_column(ARRAY(String))
    updated_at: Mapped[datetime]


class FileUse(Base):
    """Something that needs a file, by its id; the file cannot be deleted while it does."""

    __tablename__ = "file_uses"

    file_id: Mapped[str] = mapped_column(ForeignKey("files.id"), primary_key=True)
    used_by: Mapped[str] = mapped_column(primary_key=True)


class FileCopy(Base):
    """A content's one copy at a provider; the id there never leaves the service."""

    __tablename__ = "file_copies"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    provider_file_id: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["team_id"], ["teams.id"]),
        # Deleting one content's copy must not delete another's.
        UniqueConstraint("provider", "provider_file_id"),
    )

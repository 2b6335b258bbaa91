"""Keys and their secrets."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class ApiKey(Base):
    """A bearer key of a team, or an admin key if there is no team. Never deleted: other rows refer to it.

    `ancestors` are the keys it descends from, the eldest first: the key that made it, and that key's own
    ancestors. `bounds` names the limits that were set for this very key (`budget`, `rate_limits`).
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    name: Mapped[str]
    prefix: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_by: Mapped[str | None]
    ancestors: Mapped[list[str]] = mapped_column(ARRAY(String))
    bounds: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at"),)


class KeySecret(Base):
    """One secret of a key, stored as its SHA-256. A rotation adds a secret and ends the earlier ones."""

    __tablename__ = "api_key_secrets"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"), index=True)
    prefix: Mapped[str]
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]

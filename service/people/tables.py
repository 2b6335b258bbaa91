"""Sessions of people, and one-time links that start one."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class PersonSession(Base):
    """A session that a browser's cookie names. Only the cookie's SHA-256 is stored.

    `key_id` is the key that the session acts with; `key_secret` is the digest of the secret that was used to
    sign in, null for a session that a link started. The session ends with the key, and with that secret.
    `acting_team_id` is the team that an admin has chosen.
    """

    __tablename__ = "person_sessions"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[str]
    key_id: Mapped[str]
    key_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    acting_team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_person_sessions_id", "id", unique=True),
        Index(None, "key_id"),
        Index(None, "created_at"),
    )


class SignInLink(Base):
    """A link that starts one session as an admin. Only the SHA-256 of its token is stored."""

    __tablename__ = "sign_in_links"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "created_at"),)

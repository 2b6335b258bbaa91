"""The audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class AuditEvent(Base):
    """One write that somebody sent: who, what, on what, from where, and how it ended.

    Never changed, and deleted only when older than both 90 days, which a trigger sees to, and the setting.

    No foreign keys: the row outlives what it names, and may name what never was.
    """

    __tablename__ = "audit_events"

    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    team_id: Mapped[str | None]
    key_id: Mapped[str]
    by_admin: Mapped[bool]
    action: Mapped[str]
    object_id: Mapped[str | None]
    params: Mapped[dict[str, Any]]
    status_code: Mapped[int]
    request_id: Mapped[str | None]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]

    __table_args__ = (Index(None, "team_id", "position"), Index(None, "object_id"))

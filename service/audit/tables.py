"""The audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base

ID_PREFIX = "audit_"
IS_REFUSED = text("status_code >= 400")  # with a constant, so that an index of these rows serves it


class AuditEvent(Base):
    """One recorded request, or command of an operator: who sent it, from where, what it did, how it ended.

    The application's database role can add rows, but not change or delete them; `audit_forget` deletes those
    that are older than both 90 days and the setting. There are no foreign keys: a row outlives the objects it
    names, which may never have existed. Exports find new rows by `txid`, the transaction that wrote them.
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
    txid: Mapped[int] = mapped_column(BigInteger, server_default=text("txid_current()"))

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "team_id", "created_at", "id"),
        Index(None, "key_id", "created_at", "id"),
        Index(None, "object_id"),
        # Refusals are few among very many rows.
        Index("ix_audit_events_refused", "created_at", "id", postgresql_where=IS_REFUSED),
        Index(None, "txid", "position"),
    )


class AuditExport(Base):
    """The last event of the audit log that a sink has received."""

    __tablename__ = "audit_exports"

    sink: Mapped[str] = mapped_column(primary_key=True)
    txid: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(BigInteger)
    exported_at: Mapped[datetime]

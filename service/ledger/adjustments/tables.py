"""The table of credits and charges booked by admins."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class CostAdjustment(Base):
    """Which key booked the team's ledger entry `number` by hand, and why."""

    __tablename__ = "cost_adjustments"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "team_id", "created_at", "id"),)

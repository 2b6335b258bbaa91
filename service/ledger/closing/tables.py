"""Tables of closed months and reconciliation reports."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class ClosedMonth(Base):
    """A closed month (its first day, UTC). All months before it are closed too, for every team."""

    __tablename__ = "closed_months"

    month: Mapped[date] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]


class DriftReport(Base):
    """One day at one provider: our records compared with theirs. `drifts` has one object per difference.

    `theirs_usd` is None if the provider does not publish its costs.
    """

    __tablename__ = "drift_reports"

    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    day: Mapped[date]
    created_at: Mapped[datetime]
    jobs_compared: Mapped[int]
    ours_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    theirs_usd: Mapped[Decimal | None] = mapped_column(AMOUNT)
    drifts: Mapped[list[Any]]

    __table_args__ = (UniqueConstraint("provider", "day"),)

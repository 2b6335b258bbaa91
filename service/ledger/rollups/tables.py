"""Tables of the ledger's daily and monthly sums, which reports read instead of the rows."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from service.catalog.price import QUANTITY_DECIMALS
from service.core.db import Base
from service.ledger.tables import AMOUNT


class EntryGroup(Base):
    """The fields that entries summed together have in common. `id` is a digest of the others."""

    __tablename__ = "ledger_groups"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    team_id: Mapped[str]
    key_id: Mapped[str | None]
    kind: Mapped[str]
    unit: Mapped[str]
    tier: Mapped[str]
    model: Mapped[str | None]
    base_model: Mapped[str | None]
    provider: Mapped[str | None]
    method: Mapped[str | None]
    job_id: Mapped[str | None]
    price_id: Mapped[str | None]
    is_correction: Mapped[bool]
    tags: Mapped[dict[str, Any]]
    department_id: Mapped[str | None]
    cost_center: Mapped[str | None]


class DaySum(Base):
    """The sum of one group's entries booked on one day (UTC), up to the team's mark."""

    __tablename__ = "ledger_days"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    group_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[Decimal] = mapped_column(Numeric(30, QUANTITY_DECIMALS))
    amount_usd: Mapped[Decimal] = mapped_column(AMOUNT)

    __table_args__ = (Index(None, "day"),)


class MonthSum(Base):
    """The sum of one group's entries booked in one month (its first day), up to the team's mark."""

    __tablename__ = "ledger_months"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    group_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[Decimal] = mapped_column(Numeric(30, QUANTITY_DECIMALS))
    amount_usd: Mapped[Decimal] = mapped_column(AMOUNT)

    __table_args__ = (Index(None, "month"),)


class RollupMark(Base):
    """The number of a team's last entry that is in the sums."""

    __tablename__ = "ledger_marks"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)

"""The table of charges for an admin to review."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class CostReview(Base):
    """A ledger entry whose quantity differs from what the provider reported, and an admin's decision on it.

    `claimed` is the quantity that the provider reported, if any; `bound` is the highest possible one.
    `resolution` is None while the review waits, then `accepted` or `adjusted`. `adjusted_usd` is the amount
    of the further entry that an adjustment booked.
    """

    __tablename__ = "cost_reviews"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    reason: Mapped[str]
    claimed: Mapped[Decimal | None] = mapped_column(Numeric)
    bound: Mapped[Decimal | None] = mapped_column(Numeric)
    created_at: Mapped[datetime]
    resolution: Mapped[str | None]
    note: Mapped[str | None]
    adjusted_usd: Mapped[Decimal | None] = mapped_column(AMOUNT)
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("team_id", "number"),
        CheckConstraint("state IN ('uncertain', 'implausible', 'above_budget')", name="state_known"),
        CheckConstraint("resolution IN ('accepted', 'adjusted')", name="resolution_known"),
        Index("ix_cost_reviews_waiting", "created_at", "id", postgresql_where=text("resolution IS NULL")),
    )

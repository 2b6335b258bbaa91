"""The table of charges that an admin has to look at."""

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
    """One ledger entry whose quantity was not taken from the provider as it is, and what an admin decided.

    `claimed` is the quantity that the provider reported, None where it reported none; `bound` the most that
    was possible. `resolution` is None while the entry waits, then `accepted` or `adjusted`; an adjusted one
    has booked `adjusted_usd` by a further entry.
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
        CheckConstraint("state IN ('uncertain', 'implausible')", name="state_known"),
        CheckConstraint("resolution IN ('accepted', 'adjusted')", name="resolution_known"),
        Index("ix_cost_reviews_waiting", "created_at", "id", postgresql_where=text("resolution IS NULL")),
    )

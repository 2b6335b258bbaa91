"""The price book."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class PriceRow(Base):
    """A price from a moment on, until a later row for the same thing takes over; never changed or removed.

    `model` is a base's id, or `ft:` before it for the use of models tuned from it. Without `method` the
    price holds for every method.
    """

    __tablename__ = "prices"

    id: Mapped[str] = mapped_column(primary_key=True)
    provider_kind: Mapped[str]
    model: Mapped[str]
    method: Mapped[str | None]
    kind: Mapped[str]
    tier: Mapped[str]
    unit_quantity: Mapped[int]
    amount_usd: Mapped[Decimal] = mapped_column(Numeric(18, 6))
    effective_from: Mapped[datetime]
    source: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint(
            "provider_kind",
            "model",
            "method",
            "kind",
            "tier",
            "effective_from",
            name="uq_prices_natural_key",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("amount_usd >= 0", name="amount_not_negative"),
        CheckConstraint("unit_quantity IN (1, 1000, 1000000)", name="unit_quantity_exact"),
    )

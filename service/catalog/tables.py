"""The table of prices, called the price book."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class PriceRow(Base):
    """A price in force from `effective_from` until a later row with the same terms. Never changed or deleted.

    `model` is the id of a base, or `ft:` and that id for using models tuned from it. Without a `method`, the
    price applies to every method. `confirmed_at` is empty for a price that was not taken from the provider
    itself, until an administrator adds one that takes its place.
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
    confirmed_at: Mapped[datetime | None]

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

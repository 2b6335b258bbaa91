"""Tables of costs that teams share, and of the months in which they were divided."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT, PRICE


class SharedCostRule(Base):
    """A bill that comes by the hour or month, such as a deployment's hosting, and how teams share it.

    Each month is divided in proportion to the teams' use, measured `by`, of the `provider`, `base_model` or
    `model`; what is None does not limit the use. A month without such use is paid by `default_team_id`.
    """

    __tablename__ = "shared_cost_rules"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    amount_usd: Mapped[Decimal] = mapped_column(PRICE)
    per: Mapped[str]
    by: Mapped[str]
    provider: Mapped[str | None]
    base_model: Mapped[str | None]
    model: Mapped[str | None]
    default_team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    effective_from: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_usd > 0", name="amount_positive"),
        CheckConstraint("per IN ('hour', 'month')", name="per_known"),
        CheckConstraint("by IN ('tokens', 'requests', 'hours', 'cost')", name="by_known"),
    )


class SharedCostMonth(Base):
    """A month (its first day, UTC) of a rule, with the shares that were booked as ledger entries."""

    __tablename__ = "shared_cost_months"

    rule_id: Mapped[str] = mapped_column(ForeignKey("shared_cost_rules.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    amount_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    shares: Mapped[list[Any]]
    booked_at: Mapped[datetime]

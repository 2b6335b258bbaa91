"""Accounts, budgets, holds and the ledger.

    hold ──► account.held        entry ──► account.spent
      placed under the account's row lock, if its budget allows; ended by `settle` or `release_hold`

Every function that moves a team's money locks the row of its account. This guarantees that holds never exceed
a budget, that entry numbers have no gaps and follow the order of commits, and that counters equal the rows
they count. Only the functions in `service/ledger/sql` write here.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from service.catalog.price import AMOUNT_DECIMALS, PRICE_DECIMALS, QUANTITY_DECIMALS
from service.core.db import Base

AMOUNT = Numeric(30, AMOUNT_DECIMALS)
PRICE = Numeric(18, PRICE_DECIMALS)
QUANTITY = Numeric(24, QUANTITY_DECIMALS)

ORGANIZATION = "organization"  # the id of the organization's account, and its scope


class LedgerAccount(Base):
    """What the organization, a department, a team, or a key or job with its own budget has spent and held.

    `id` is `ORGANIZATION` or the id of the department, team, key or job. `month_spent_usd` counts entries
    booked in `month` (its first day, UTC) and is stale once another month has begun. `last_number` is the
    number of the team's latest entry. Times before `closed_before` lie in closed months, in which nothing can
    be booked.
    """

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    scope: Mapped[str]
    held_usd: Mapped[Decimal] = mapped_column(AMOUNT, server_default=text("0"))
    spent_usd: Mapped[Decimal] = mapped_column(AMOUNT, server_default=text("0"))
    month: Mapped[date]
    month_spent_usd: Mapped[Decimal] = mapped_column(AMOUNT, server_default=text("0"))
    last_number: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    closed_before: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("held_usd >= 0", name="held_not_negative"),
        CheckConstraint("scope IN ('organization', 'department', 'team', 'key', 'job')", name="scope_known"),
        CheckConstraint(
            "(team_id IS NULL) = (scope IN ('organization', 'department'))", name="team_unless_shared"
        ),
        Index(None, "team_id"),
    )


class Budget(Base):
    """The limit of one account, per calendar month (UTC) or in total; None means no limit.

    The thresholds are percentages of the limit: of what is spent, of what is spent and held together, and of
    the forecast for the end of the month.
    """

    __tablename__ = "budgets"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    limit_usd: Mapped[Decimal | None] = mapped_column(PRICE)
    period: Mapped[str]
    thresholds: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    held_thresholds: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    forecast_thresholds: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("limit_usd >= 0", name="limit_not_negative"),
        CheckConstraint("period IN ('month', 'total')", name="period_known"),
    )


class BudgetAlert(Base):
    """A threshold that was announced. Each is announced once per period and limit.

    `basis` is `spent`, `held` (spent and held together) or `forecast`.
    """

    __tablename__ = "budget_alerts"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    limit_usd: Mapped[Decimal] = mapped_column(PRICE, primary_key=True)
    basis: Mapped[str] = mapped_column(primary_key=True)
    threshold: Mapped[int] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class HoldRow(Base):
    """Money reserved for work in progress. Settling or releasing the hold deletes the row.

    `lost` is the `LostUse` to charge if the hold expires.
    """

    __tablename__ = "holds"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str | None]
    amount_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    placed_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    department_id: Mapped[str | None]
    lost: Mapped[dict[str, Any] | None]

    __table_args__ = (
        CheckConstraint("amount_usd >= 0", name="amount_not_negative"),
        Index("ix_holds_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )


class Entry(Base):
    """One charge, or a correction of one. A trigger refuses changes and deletions.

    `amount_usd` is exactly quantity times price; a constraint checks it. `unique_key` identifies what is
    charged for, so that nothing is charged twice. `booked_at` is the time that budgets, reports and
    statements use: `occurred_at`, or the time of recording if the month of `occurred_at` was already closed.
    `corrects` is the number of the team's entry that a correction reverses or replaces. `state` is None, or
    why an admin should review the charge (see `CostReview`).
    Entries without `in_month_budget`, which correct earlier months, do not count against the monthly budget.
    `department_id` and `cost_center` are the team's as of `occurred_at`.
    """

    __tablename__ = "ledger_entries"

    # No foreign keys to teams, keys, jobs and prices: every insert would lock the same few rows. The audit
    # checks the references instead, and prices and teams are never deleted.
    team_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    unique_key: Mapped[str]
    subject_id: Mapped[str]
    kind: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(QUANTITY)
    unit: Mapped[str]
    unit_quantity: Mapped[int]
    price_usd: Mapped[Decimal] = mapped_column(PRICE)
    price_id: Mapped[str | None]
    tier: Mapped[str]
    amount_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    key_id: Mapped[str | None]
    job_id: Mapped[str | None]
    model: Mapped[str | None]
    base_model: Mapped[str | None]
    provider: Mapped[str | None]
    method: Mapped[str | None]
    tags: Mapped[dict[str, Any]]
    corrects: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    occurred_at: Mapped[datetime]
    booked_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    state: Mapped[str | None]
    in_month_budget: Mapped[bool] = mapped_column(server_default=text("true"))
    department_id: Mapped[str | None]
    cost_center: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("unique_key"),
        CheckConstraint("state IN ('uncertain', 'implausible', 'above_budget')", name="state_known"),
        CheckConstraint("amount_usd * unit_quantity = quantity * price_usd", name="amount_exact"),
        CheckConstraint(
            "quantity >= 0 OR corrects IS NOT NULL OR kind = 'adjustment'", name="only_corrections_negative"
        ),
        Index(None, "team_id", "booked_at"),
        Index(
            "ix_ledger_entries_team_id_corrects",
            "team_id",
            "corrects",
            postgresql_where=text("corrects IS NOT NULL"),
        ),
        Index("ix_ledger_entries_job_id", "job_id", postgresql_where=text("job_id IS NOT NULL")),
    )

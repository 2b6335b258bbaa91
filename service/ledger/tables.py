"""Accounts, budgets, holds and the ledger.

    hold ──► account.held        entry ──► account.spent
      placed under the account's row lock, if its budget allows; ended by `settle` or `release_hold`

Every function that moves a team's money locks the row of its account. This guarantees that holds never exceed
a budget, that entry numbers have no gaps and follow the order of commits, and that counters equal the rows
they count. Only the functions in `service/ledger/sql` write here.
"""

import uuid
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from service.catalog.price import AMOUNT_DECIMALS, PRICE_DECIMALS, QUANTITY_DECIMALS
from service.core.db import Base, View

AMOUNT = Numeric(30, AMOUNT_DECIMALS)
PRICE = Numeric(18, PRICE_DECIMALS)
QUANTITY = Numeric(24, QUANTITY_DECIMALS)

ORGANIZATION = "organization"  # the id of the organization's account, and its scope


class LedgerAccount(Base):
    """What the organization, a department, a team, or a key or job with its own budget has spent and held.

    `id` is `ORGANIZATION` or the id of the department, team, key or job. `month_spent_usd` counts entries
    booked in `month` (its first day, UTC) and is stale once another month has begun. `last_number` is the
    number of the team's latest entry. Times before `closed_before` lie in closed months, in which nothing can
    be booked. The rows of the ledger store `ref` because it is shorter than `id`.
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
    ref: Mapped[int] = mapped_column(Identity(always=True))

    __table_args__ = (
        UniqueConstraint("ref"),
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
    announced_at: Mapped[datetime]


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


class RowForm(Base):
    """What many rows of the ledger have in common, so that each stores only an id. Never changed or deleted.

    The lists have one element for each entry of such a row. `digest` identifies the other fields. `tagged_in`
    is the month in which a form with tags of a request was added; a team gets only so many in a month.
    """

    __tablename__ = "ledger_forms"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    digest: Mapped[uuid.UUID]
    team_id: Mapped[str]
    key_id: Mapped[str | None]
    model: Mapped[str | None]
    base_model: Mapped[str | None]
    provider: Mapped[str | None]
    method: Mapped[str | None]
    tags: Mapped[dict[str, Any]]
    tagged_in: Mapped[date | None]
    department_id: Mapped[str | None]
    cost_center: Mapped[str | None]
    kinds: Mapped[list[str]] = mapped_column(ARRAY(String))
    units: Mapped[list[str]] = mapped_column(ARRAY(String))
    tiers: Mapped[list[str]] = mapped_column(ARRAY(String))
    price_ids: Mapped[list[str | None]] = mapped_column(ARRAY(String))
    prices_usd: Mapped[list[Decimal]] = mapped_column(ARRAY(PRICE))
    unit_quantities: Mapped[list[int]] = mapped_column(ARRAY(Integer))

    __table_args__ = (
        UniqueConstraint("digest"),
        CheckConstraint(
            "cardinality(kinds) BETWEEN 1 AND 32 AND cardinality(kinds) = ALL (ARRAY["
            "cardinality(units), cardinality(tiers), cardinality(price_ids), cardinality(prices_usd), "
            "cardinality(unit_quantities)])",
            name="as_many_of_each",
        ),
        Index(
            "ix_ledger_forms_team_id_tagged_in",
            "team_id",
            "tagged_in",
            postgresql_where=text("tagged_in IS NOT NULL"),
        ),
    )


# The rows of the ledger, in a partition for each month of `booked_at`: one row for each request, training or
# correction. Triggers refuse changes and deletions. Only SQL functions write rows, and all code reads them as
# `Entry`, so they have no class. `quantities` has one element for each entry of the row. `account_ref` is the
# team's `ref`. There are no foreign keys, because every insert would lock the same few rows; the audit checks
# the references.
ROWS = Table(
    "ledger_rows",
    Base.metadata,
    Column("number", BigInteger, nullable=False),
    Column("booked_at", DateTime(timezone=True), nullable=False),
    Column("account_ref", Integer, nullable=False),
    Column("form_id", Integer, nullable=False),
    Column("in_month_budget", Boolean, nullable=False, server_default=text("true")),
    Column("unique_key", String, nullable=False),
    Column("quantities", ARRAY(Numeric), nullable=False),
    Column("occurred_at", DateTime(timezone=True)),
    Column("recorded_at", DateTime(timezone=True)),
    Column("corrects", BigInteger),
    Column("subject_id", String),
    Column("job_id", String),
    Column("reason", String),
    Column("states", ARRAY(String)),
    CheckConstraint(
        "array_remove(states, NULL) <@ ARRAY['uncertain', 'implausible', 'above_budget']::varchar[]",
        name="states_known",
    ),
    CheckConstraint("0 <= ALL (quantities) OR reason IS NOT NULL", name="negative_for_a_reason"),
    Index("ix_ledger_rows_booked_at", "booked_at", postgresql_using="brin"),
    Index("ix_ledger_rows_job_id", "job_id", postgresql_where=text("job_id IS NOT NULL")),
    Index(
        "ix_ledger_rows_account_ref_corrects",
        "account_ref",
        "corrects",
        postgresql_where=text("corrects IS NOT NULL"),
    ),
    Index(
        "ix_ledger_rows_account_ref_booked_at",
        "account_ref",
        "booked_at",
        postgresql_where=text("reason IS NOT NULL"),
    ),
    postgresql_partition_by="RANGE (booked_at)",
)
MOST_ENTRIES_PER_ROW = 32  # a constraint of `ledger_forms`


class Entry(View):
    """One charge, or a correction of one: a line of a row of the ledger, which may have several.

    `amount_usd` is exactly quantity times price. `unique_key` identifies what the row is charged for, so that
    nothing is charged twice. `first_number` is the number of the row's first entry. `booked_at` is the time
    that budgets, reports and statements use: `occurred_at`, or the time of recording if the month of
    `occurred_at` was already closed. `corrects` is the number of the team's entry that a correction reverses
    or replaces. `state` is None, or why an admin should review the charge (see `CostReview`). Entries without
    `in_month_budget`, which correct earlier months, do not count against the monthly budget. `department_id`
    and `cost_center` are the team's as of `occurred_at`.
    """

    __tablename__ = "ledger_entries"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    first_number: Mapped[int] = mapped_column(BigInteger)
    unique_key: Mapped[str]
    key_digest: Mapped[uuid.UUID]
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
    in_month_budget: Mapped[bool]
    department_id: Mapped[str | None]
    cost_center: Mapped[str | None]


def keyed(unique_keys: Collection[str]) -> ColumnElement[bool]:
    """The condition for entries with these keys, which an index finds."""
    digests = [func.ledger_key_digest(key) for key in unique_keys]
    return and_(Entry.key_digest.in_(digests), Entry.unique_key.in_(unique_keys))


def numbered(
    after: ColumnElement[int] | int, until: ColumnElement[int] | InstrumentedAttribute[int] | int
) -> ColumnElement[bool]:
    """The condition for entries with numbers above `after`, up to `until`, which an index finds."""
    return and_(
        Entry.first_number > after - MOST_ENTRIES_PER_ROW,
        Entry.first_number <= until,
        Entry.number > after,
        Entry.number <= until,
    )

"""Prices, budgets, holds and ledger entries."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

PROCEDURES = Path(__file__).parents[1] / "sql" / "0004_procedures.sql"
AMOUNT = sa.Numeric(30, 12)
PRICE = sa.Numeric(18, 6)
MOMENT = sa.DateTime(timezone=True)
ZERO = sa.text("0")


def upgrade() -> None:
    _create_prices()
    _create_accounts()
    _create_holds()
    _create_entries()
    op.get_bind().exec_driver_sql(PROCEDURES.read_text("utf-8"))


def _create_prices() -> None:
    op.create_table(
        "prices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("method", sa.String()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("unit_quantity", sa.Integer(), nullable=False),
        sa.Column("amount_usd", PRICE, nullable=False),
        sa.Column("effective_from", MOMENT, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prices"),
        sa.UniqueConstraint(
            "provider_kind",
            "model",
            "method",
            "kind",
            "tier",
            "effective_from",
            name="uq_prices_natural_key",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("amount_usd >= 0", name=op.f("ck_prices_amount_not_negative")),
        sa.CheckConstraint("unit_quantity IN (1, 1000, 1000000)", name=op.f("ck_prices_unit_quantity_exact")),
    )


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("held_usd", AMOUNT, server_default=ZERO, nullable=False),
        sa.Column("spent_usd", AMOUNT, server_default=ZERO, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("month_spent_usd", AMOUNT, server_default=ZERO, nullable=False),
        sa.Column("last_number", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("closed_before", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_accounts_team_id_teams"),
        sa.CheckConstraint("held_usd >= 0", name=op.f("ck_accounts_held_not_negative")),
        sa.CheckConstraint("scope IN ('team', 'key', 'job')", name=op.f("ck_accounts_scope_known")),
        # Counters move all the time: room on each page keeps the updates off the indexes.
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("ix_accounts_team_id", "accounts", ["team_id"])
    op.create_table(
        "budgets",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("limit_usd", PRICE),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("thresholds", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_budgets"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_budgets_account_id_accounts"),
        sa.CheckConstraint("limit_usd >= 0", name=op.f("ck_budgets_limit_not_negative")),
        sa.CheckConstraint("period IN ('month', 'total')", name=op.f("ck_budgets_period_known")),
    )
    op.create_table(
        "budget_alerts",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("limit_usd", PRICE, nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "period", "limit_usd", "threshold", name="pk_budget_alerts"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_budget_alerts_account_id_accounts"),
    )


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("amount_usd", AMOUNT, nullable=False),
        sa.Column("placed_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.PrimaryKeyConstraint("team_id", "subject_id", name="pk_holds"),
        sa.CheckConstraint("amount_usd >= 0", name=op.f("ck_holds_amount_not_negative")),
    )
    op.create_index(
        "ix_holds_expires_at", "holds", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL")
    )


def _create_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("unique_key", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(24, 6), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("unit_quantity", sa.Integer(), nullable=False),
        sa.Column("price_usd", PRICE, nullable=False),
        sa.Column("price_id", sa.String()),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("amount_usd", AMOUNT, nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("job_id", sa.String()),
        sa.Column("model", sa.String()),
        sa.Column("base_model", sa.String()),
        sa.Column("provider", sa.String()),
        sa.Column("method", sa.String()),
        sa.Column("tags", postgresql.JSONB(), nullable=False),
        sa.Column("corrects", sa.BigInteger()),
        sa.Column("reason", sa.String()),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("booked_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "number", name="pk_ledger_entries"),
        sa.UniqueConstraint("unique_key", name="uq_ledger_entries_unique_key"),
        sa.CheckConstraint(
            "amount_usd * unit_quantity = quantity * price_usd", name=op.f("ck_ledger_entries_amount_exact")
        ),
        sa.CheckConstraint(
            "quantity >= 0 OR corrects IS NOT NULL OR unit = 'usd'",
            name=op.f("ck_ledger_entries_only_corrections_negative"),
        ),
    )
    op.create_index("ix_ledger_entries_team_id_booked_at", "ledger_entries", ["team_id", "booked_at"])
    op.create_index(
        "ix_ledger_entries_job_id",
        "ledger_entries",
        ["job_id"],
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )


def downgrade() -> None:
    for table in ("ledger_entries", "holds", "budget_alerts", "budgets", "accounts", "prices"):
        op.execute(f"DROP TABLE {table} CASCADE")
    for procedure in ("ledger_settle", "ledger_tell_thresholds", "ledger_place_holds", "ledger_lock"):
        op.execute(f"DROP FUNCTION {procedure}")
    op.execute("DROP FUNCTION ledger_month; DROP FUNCTION refuse_change")

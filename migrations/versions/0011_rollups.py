"""Daily sums of the ledger, accounts for keys and jobs, and reports of drift."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

PROCEDURES = Path(__file__).parents[1] / "sql" / "0011_rollups.sql"
AMOUNT = sa.Numeric(30, 12)


def upgrade() -> None:
    op.create_table(
        "ledger_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("model", sa.String()),
        sa.Column("base_model", sa.String()),
        sa.Column("provider", sa.String()),
        sa.Column("method", sa.String()),
        sa.Column("job_id", sa.String()),
        sa.Column("price_id", sa.String()),
        sa.Column("is_correction", sa.Boolean(), nullable=False),
        sa.Column("tags", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_groups"),
    )
    op.create_table(
        "ledger_days",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(30, 6), nullable=False),
        sa.Column("amount_usd", AMOUNT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "day", "group_id", name="pk_ledger_days"),
        # The present day's sums move every few seconds: room on each page keeps that off the indexes.
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_ledger_days_day", "ledger_days", ["day"])
    op.create_table(
        "ledger_marks",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name="pk_ledger_marks"),
    )
    op.create_index(
        "ix_ledger_entries_team_id_corrects",
        "ledger_entries",
        ["team_id", "corrects"],
        postgresql_where=sa.text("corrects IS NOT NULL"),
    )
    op.create_table(
        "drift_reports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("jobs_compared", sa.Integer(), nullable=False),
        sa.Column("ours_usd", AMOUNT, nullable=False),
        sa.Column("theirs_usd", AMOUNT),
        sa.Column("drifts", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift_reports"),
        sa.UniqueConstraint("provider", "day", name="uq_drift_reports_provider_day"),
    )
    op.get_bind().exec_driver_sql(PROCEDURES.read_text("utf-8"))


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger_open; DROP FUNCTION ledger_roll")
    op.drop_index("ix_ledger_entries_team_id_corrects", "ledger_entries")
    for table in ("drift_reports", "ledger_marks", "ledger_days", "ledger_groups"):
        op.drop_table(table)
    op.execute("DROP FUNCTION ledger_day")

"""The ledger's sums per month, beside those per day."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "ledger_months",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(30, 6), nullable=False),
        sa.Column("amount_usd", sa.Numeric(30, 12), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "month", "group_id", name="pk_ledger_months"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_ledger_months_month", "ledger_months", ["month"])
    op.get_bind().exec_driver_sql((SQL / "0017_ledger_months.sql").read_text("utf-8"))


def downgrade() -> None:
    before = (SQL / "0011_rollups.sql").read_text("utf-8")
    start, end = before.index("CREATE FUNCTION ledger_roll"), before.index("-- Give a key")
    op.execute("DROP FUNCTION ledger_roll")
    op.get_bind().exec_driver_sql(before[start:end])
    op.drop_table("ledger_months")

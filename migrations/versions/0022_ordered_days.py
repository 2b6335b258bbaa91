"""Daily sums are written in the order of their days."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "0022_ordered_days.sql").read_text("utf-8"))


def downgrade() -> None:
    before = (SQL / "0017_ledger_months.sql").read_text("utf-8")
    start, end = before.index("CREATE OR REPLACE FUNCTION ledger_roll"), before.index("-- No worker adds")
    op.get_bind().exec_driver_sql(before[start:end])

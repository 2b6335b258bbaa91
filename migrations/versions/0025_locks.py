"""Read which accounts exist under their team's lock; mark a team's branch sums before a job moves in them."""

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0023"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "0025_locks.sql").read_text("utf-8"))


def downgrade() -> None:
    # The functions before these had the mistakes and the same meaning: they are not brought back.
    pass

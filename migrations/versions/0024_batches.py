"""Write each account once for a batch of holds or settlements; rate limits of teams and keys."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

SQL = Path(__file__).parents[1] / "sql"
REPLACED = ("ledger_lock", "ledger_place_holds", "ledger_settle")


def upgrade() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("requests_per_minute", sa.Integer()),
        sa.Column("tokens_per_minute", sa.Integer()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name="pk_rate_limits"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_rate_limits_team_id_teams"),
        sa.CheckConstraint(
            "requests_per_minute > 0 AND tokens_per_minute > 0", name="ck_rate_limits_limits_positive"
        ),
    )
    op.get_bind().exec_driver_sql((SQL / "0024_batches.sql").read_text("utf-8"))


def downgrade() -> None:
    op.drop_table("rate_limits")
    before = (SQL / "0004_procedures.sql").read_text("utf-8").split("CREATE FUNCTION ")
    for name in REPLACED:
        op.execute(f"DROP FUNCTION {name}")
        (body,) = [part for part in before if part.startswith(f"{name}(")]
        op.get_bind().exec_driver_sql("CREATE FUNCTION " + body)

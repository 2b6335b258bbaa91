"""Derivations found by what they were made from and made; a job's costs follow the models it makes."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_index("ix_derivations_team_id_source_id", "derivations", ["team_id", "source_id"])
    op.create_index("ix_derivations_output_ids", "derivations", ["output_ids"], postgresql_using="gin")
    op.get_bind().exec_driver_sql((SQL / "0023_branch_moves.sql").read_text("utf-8"))


def downgrade() -> None:
    op.execute("DROP FUNCTION branch_count_job")
    op.drop_index("ix_derivations_output_ids", "derivations")
    op.drop_index("ix_derivations_team_id_source_id", "derivations")

"""What jobs are billed by and how long they trained; tokens counted by a base's own tokenizer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("billed_by", sa.String(), server_default="tokens", nullable=False))
    op.add_column("jobs", sa.Column("training_seconds", sa.Float()))
    op.execute("UPDATE jobs SET billed_by = 'hours' WHERE method_type = 'reinforcement'")
    op.create_table(
        "token_counts",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("tokens", postgresql.JSONB()),
        sa.Column("note", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "sha256", "provider", "model", name="pk_token_counts"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_token_counts_team_id_teams"),
    )


def downgrade() -> None:
    op.drop_table("token_counts")
    op.drop_column("jobs", "training_seconds")
    op.drop_column("jobs", "billed_by")

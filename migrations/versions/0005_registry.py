"""Tuned models."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "tuned_models",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_model", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String()),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("step", sa.Integer()),
        sa.Column("training_file", sa.String(), nullable=False),
        sa.Column("validation_file", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("shutdown_date", sa.Date()),
        sa.PrimaryKeyConstraint("id", name="pk_tuned_models"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_tuned_models_team_id_teams"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["tuned_models.id"], name="fk_tuned_models_parent_id_tuned_models"
        ),
        sa.UniqueConstraint("job_id", "provider_model", name="uq_tuned_models_job_id_provider_model"),
    )
    op.create_index("ix_tuned_models_team_id_created_at", "tuned_models", ["team_id", "created_at"])
    op.create_index("ix_tuned_models_parent_id", "tuned_models", ["parent_id"])


def downgrade() -> None:
    op.drop_table("tuned_models")

"""Retrains, and the announced ends of models with who was told of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "retrains",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("acknowledge_shutdown", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", postgresql.JSONB()),
        sa.Column("estimated_cost_usd", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_retrains"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_retrains_team_id_teams"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["tuned_models.id"], name="fk_retrains_source_id_tuned_models"
        ),
    )
    op.create_index("ix_retrains_team_id_created_at", "retrains", ["team_id", "created_at"])
    op.create_table(
        "retrain_steps",
        sa.Column("retrain_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_job_id", sa.String(), nullable=False),
        sa.Column("training_file", sa.String(), nullable=False),
        sa.Column("validation_file", sa.String()),
        sa.Column("checkpoint_step", sa.Integer()),
        sa.Column("job_id", sa.String()),
        sa.Column("produced", sa.String()),
        sa.PrimaryKeyConstraint("retrain_id", "position", name="pk_retrain_steps"),
        sa.ForeignKeyConstraint(["retrain_id"], ["retrains.id"], name="fk_retrain_steps_retrain_id_retrains"),
        sa.ForeignKeyConstraint(["source_job_id"], ["jobs.id"], name="fk_retrain_steps_source_job_id_jobs"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_retrain_steps_job_id_jobs"),
        sa.ForeignKeyConstraint(
            ["produced"], ["tuned_models.id"], name="fk_retrain_steps_produced_tuned_models"
        ),
    )
    op.create_index("ix_retrain_steps_job_id", "retrain_steps", ["job_id"])
    op.create_table(
        "announced_ends",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("shutdown_date", sa.Date(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "model", name="pk_announced_ends"),
    )
    op.create_table(
        "end_polls",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_end_polls"),
    )
    op.create_table(
        "end_notices",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("shutdown_date", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "team_id", "provider", "base_model", "shutdown_date", "days", name="pk_end_notices"
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_end_notices_team_id_teams"),
    )


def downgrade() -> None:
    for table in ("end_notices", "end_polls", "announced_ends", "retrain_steps", "retrains"):
        op.drop_table(table)

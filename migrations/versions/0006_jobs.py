"""Fine-tuning jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String()),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_model", sa.String(), nullable=False),
        sa.Column("method_type", sa.String(), nullable=False),
        sa.Column("method", postgresql.JSONB(), nullable=False),
        sa.Column("hyperparameters", postgresql.JSONB()),
        sa.Column("training_file", sa.String(), nullable=False),
        sa.Column("validation_file", sa.String()),
        sa.Column("suffix", sa.String()),
        sa.Column("seed", sa.Integer()),
        sa.Column("metadata", postgresql.JSONB()),
        sa.Column("integrations", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("wish", sa.String()),
        sa.Column("estimated_cost_usd", sa.Numeric()),
        sa.Column("provider_training_file", sa.String()),
        sa.Column("provider_validation_file", sa.String()),
        sa.Column("intended_at", moment),
        sa.Column("provider_job_id", sa.String()),
        sa.Column("provider_status", sa.String()),
        sa.Column("trained_tokens", sa.BigInteger()),
        sa.Column("fine_tuned_model", sa.String()),
        sa.Column("result_files", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("error", postgresql.JSONB()),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("finished_at", moment),
        sa.Column("estimated_finish", moment),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_jobs_team_id_teams"),
        sa.ForeignKeyConstraint(["parent_id"], ["tuned_models.id"], name="fk_jobs_parent_id_tuned_models"),
        sa.UniqueConstraint("provider", "provider_job_id", name="uq_jobs_provider_provider_job_id"),
    )
    op.create_index("ix_jobs_team_id_created_at", "jobs", ["team_id", "created_at"])
    op.create_table(
        "job_checkpoints",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_checkpoints"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_checkpoints_job_id_jobs"),
        sa.ForeignKeyConstraint(
            ["model_id"], ["tuned_models.id"], name="fk_job_checkpoints_model_id_tuned_models"
        ),
        sa.UniqueConstraint("job_id", "step", name="uq_job_checkpoints_job_id_step"),
    )
    op.create_table(
        "provider_webhooks",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("provider", "webhook_id", name="pk_provider_webhooks"),
    )


def downgrade() -> None:
    for table in ("provider_webhooks", "job_checkpoints", "jobs"):
        op.drop_table(table)

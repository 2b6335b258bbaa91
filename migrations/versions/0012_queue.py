"""The queue before a provider's limits, what providers told us, and what was found there unknown to us."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("jobs", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("request_hash", sa.LargeBinary()))
    op.add_column("jobs", sa.Column("queued_at", moment))
    op.add_column("jobs", sa.Column("sent_at", moment))
    op.execute("UPDATE jobs SET queued_at = intended_at WHERE intended_at IS NOT NULL")
    op.create_index(
        "ix_jobs_provider_base_model_intended_at", "jobs", ["provider", "base_model", "intended_at"]
    )
    op.create_index(
        "ix_jobs_living", "jobs", ["provider", "base_model"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_index("ix_jobs_key_id_request_hash", "jobs", ["key_id", "request_hash", "created_at"])
    op.create_table(
        "provider_blocks",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("credentials", sa.String(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("until", moment),
        sa.PrimaryKeyConstraint("provider", "kind", "model", name="pk_provider_blocks"),
    )
    op.create_table(
        "provider_sweeps",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("ordered_at", moment, nullable=False),
        sa.Column("swept_at", moment),
        sa.PrimaryKeyConstraint("provider", name="pk_provider_sweeps"),
    )
    op.create_table(
        "provider_orphans",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_object_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("job_id", sa.String()),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("found_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("provider", "provider_object_id", name="pk_provider_orphans"),
    )


def downgrade() -> None:
    for table in ("provider_orphans", "provider_sweeps", "provider_blocks"):
        op.drop_table(table)
    for index in ("ix_jobs_key_id_request_hash", "ix_jobs_living", "ix_jobs_provider_base_model_intended_at"):
        op.drop_index(index, table_name="jobs")
    for column in ("sent_at", "queued_at", "request_hash", "priority"):
        op.drop_column("jobs", column)

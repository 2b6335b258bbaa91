"""The one event log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("source_key", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_events_team_id_teams"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sa.UniqueConstraint("subject_id", "number", name="uq_events_subject_id_number"),
        sa.UniqueConstraint("subject_id", "source_key", name="uq_events_subject_id_source_key"),
    )
    op.create_index("ix_events_team_id_type_position", "events", ["team_id", "type", "position"])
    op.create_table(
        "event_counters",
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name="pk_event_counters"),
    )


def downgrade() -> None:
    op.drop_table("event_counters")
    op.drop_table("events")

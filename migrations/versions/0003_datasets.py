"""Files, their contents, who needs them, and their copies at providers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "contents",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_keys", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("inline", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "sha256", name="pk_contents"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_contents_team_id_teams"),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_details", sa.String()),
        sa.Column("format", sa.String()),
        sa.Column("report", postgresql.JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_files_team_id_teams"),
    )
    op.create_index("ix_files_team_id_created_at_id", "files", ["team_id", "created_at", "id"])
    op.create_index("ix_files_team_id_sha256", "files", ["team_id", "sha256"])
    op.create_table(
        "file_uses",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("used_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "used_by", name="pk_file_uses"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_file_uses_file_id_files"),
    )
    op.create_table(
        "file_copies",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_file_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "sha256", "provider", name="pk_file_copies"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_file_copies_team_id_teams"),
    )


def downgrade() -> None:
    for table in ("file_copies", "file_uses", "files", "contents"):
        op.drop_table(table)

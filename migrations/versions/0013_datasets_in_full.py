"""Uploads in parts, derived files, row hashes, policies and complete error lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_TEXTS = postgresql.ARRAY(sa.String())
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("files", sa.Column("errors_key", sa.String()))
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("mime_type", sa.String(), nullable=False),
        sa.Column("format", sa.String()),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("file_expires_after_s", sa.Integer()),
        sa.Column("file_id", sa.String()),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_uploads_team_id_teams"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_uploads_file_id_files"),
    )
    op.create_index("ix_uploads_team_id_created_at", "uploads", ["team_id", "created_at"])
    op.create_table(
        "upload_parts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("upload_id", sa.String(), nullable=False),
        sa.Column("storage_key", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload_parts"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_upload_parts_upload_id_uploads"),
    )
    op.create_index("ix_upload_parts_upload_id", "upload_parts", ["upload_id"])
    op.create_table(
        "content_rows",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "sha256", name="pk_content_rows"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_content_rows_team_id_teams"),
    )
    op.create_table(
        "derivations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("output_ids", _TEXTS, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_derivations"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_derivations_team_id_teams"),
        sa.ForeignKeyConstraint(["source_id"], ["files.id"], name="fk_derivations_source_id_files"),
    )
    op.create_table(
        "dataset_policies",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("errors", _TEXTS, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("team_id", name="pk_dataset_policies"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_dataset_policies_team_id_teams"),
    )


def downgrade() -> None:
    for table in ("dataset_policies", "derivations", "content_rows", "upload_parts", "uploads"):
        op.drop_table(table)
    op.drop_column("files", "errors_key")

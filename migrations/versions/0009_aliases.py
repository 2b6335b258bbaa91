"""Aliases and their history."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("model", sa.String()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "name", name="pk_aliases"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_aliases_team_id_teams"),
    )
    op.create_index("ix_aliases_team_id_model", "aliases", ["team_id", "model"])
    op.create_table(
        "alias_changes",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("model", sa.String()),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "name", "version", name="pk_alias_changes"),
        sa.ForeignKeyConstraint(
            ["team_id", "name"],
            ["aliases.team_id", "aliases.name"],
            name="fk_alias_changes_team_id_name_aliases",
        ),
    )


def downgrade() -> None:
    op.drop_table("alias_changes")
    op.drop_table("aliases")

"""Keys that make each branch of models one range, and what models cost in that order."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from service.models.lineage.branch import beside_line, next_in_line, root_key

revision = "0016"
down_revision = "0015"

PROCEDURES = Path(__file__).parents[1] / "sql" / "0016_branches.sql"
AMOUNT = sa.Numeric(30, 12)


def upgrade() -> None:
    op.add_column("tuned_models", sa.Column("branch_key", sa.LargeBinary()))
    op.add_column(
        "tuned_models", sa.Column("has_next", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.add_column(
        "tuned_models", sa.Column("side_lines", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    _give_keys()
    op.create_index(
        "ix_tuned_models_team_id_branch_key", "tuned_models", ["team_id", "branch_key"], unique=True
    )
    op.create_index(
        "ix_tuned_models_without_branch",
        "tuned_models",
        ["team_id"],
        postgresql_where=sa.text("branch_key IS NULL"),
    )
    op.create_index("ix_tuned_models_team_id_training_file", "tuned_models", ["team_id", "training_file"])
    op.create_table(
        "branch_costs",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("branch_key", sa.LargeBinary()),
        sa.Column("made_usd", AMOUNT, nullable=False),
        sa.Column("tried_usd", AMOUNT, nullable=False),
        sa.Column("use_usd", AMOUNT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "model_id", name="pk_branch_costs"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_branch_costs_team_id_teams"),
        sa.ForeignKeyConstraint(
            ["model_id"], ["tuned_models.id"], name="fk_branch_costs_model_id_tuned_models"
        ),
    )
    op.create_index(
        "ix_branch_costs_team_id_branch_key",
        "branch_costs",
        ["team_id", "branch_key"],
        postgresql_include=["model_id", "made_usd", "tried_usd", "use_usd"],
    )
    op.create_table(
        "branch_marks",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name="pk_branch_marks"),
    )
    op.get_bind().exec_driver_sql(PROCEDURES.read_text("utf-8"))


def _give_keys() -> None:
    """Key the models that are there already, parents first."""
    models = op.get_bind().execute(sa.text("SELECT id, parent_id, kind FROM tuned_models")).all()
    children: dict[str | None, list[sa.Row]] = {}
    for model in sorted(models, key=lambda row: (row.kind != "model", row.id)):
        children.setdefault(model.parent_id, []).append(model)
    keys: dict[str, bytes | None] = {model.id: root_key(model.id) for model in children.get(None, [])}
    waiting = list(keys)
    for parent_id in waiting:  # grows while it is walked
        has_next, side_lines, key = False, 0, keys[parent_id]
        for child in children.get(parent_id, []):
            waiting.append(child.id)
            if child.kind == "model" and not has_next:
                has_next, keys[child.id] = True, key and next_in_line(key)
            else:
                side_lines += 1
                keys[child.id] = key and beside_line(key, side_lines)
        op.get_bind().execute(
            sa.text(
                "UPDATE tuned_models SET branch_key = :key, has_next = :n, side_lines = :s WHERE id = :id"
            ),
            {"key": key, "n": has_next, "s": side_lines, "id": parent_id},
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION branch_roll; DROP FUNCTION branch_charges")
    for table in ("branch_marks", "branch_costs"):
        op.drop_table(table)
    for index in ("team_id_training_file", "without_branch", "team_id_branch_key"):
        op.drop_index(f"ix_tuned_models_{index}", "tuned_models")
    for column in ("side_lines", "has_next", "branch_key"):
        op.drop_column("tuned_models", column)

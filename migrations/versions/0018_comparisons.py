"""Comparisons of two models, their prompts and answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"

AMOUNT = sa.Numeric(30, 12)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("models", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("grader", sa.String(), nullable=False),
        sa.Column("judge_model", sa.String()),
        sa.Column("prompts", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("max_output_tokens", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Float()),
        sa.Column("prompt_hold_usd", AMOUNT, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_comparisons_team_id_teams"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_comparisons_file_id_files"),
    )
    op.create_index("ix_comparisons_team_id_created_at_id", "comparisons", ["team_id", "created_at", "id"])
    op.create_table(
        "comparison_prompts",
        sa.Column("comparison_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("messages", postgresql.JSONB()),
        sa.Column("expected", sa.String()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String()),
        sa.PrimaryKeyConstraint("comparison_id", "line", name="pk_comparison_prompts"),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name="fk_comparison_prompts_comparison_id_comparisons"
        ),
    )
    op.create_table(
        "comparison_answers",
        sa.Column("comparison_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("text", sa.String()),
        sa.Column("error", sa.String()),
        sa.Column("score", sa.Float()),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_usd", AMOUNT, nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", "line", "role", name="pk_comparison_answers"),
        sa.ForeignKeyConstraint(
            ["comparison_id", "line"],
            ["comparison_prompts.comparison_id", "comparison_prompts.line"],
            name="fk_comparison_answers_comparison_id_line_comparison_prompts",
        ),
    )


def downgrade() -> None:
    for table in ("comparison_answers", "comparison_prompts", "comparisons"):
        op.drop_table(table)

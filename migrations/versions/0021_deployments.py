"""What a tuned model is deployed as, where the provider serves deployments."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("tuned_models", sa.Column("deployment", sa.String()))
    op.create_unique_constraint(
        "uq_tuned_models_provider_deployment", "tuned_models", ["provider", "deployment"]
    )


def downgrade() -> None:
    op.drop_constraint("uq_tuned_models_provider_deployment", "tuned_models")
    op.drop_column("tuned_models", "deployment")

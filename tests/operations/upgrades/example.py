"""An example of a migration: the next version gives jobs a note, and finds them by base model.

`test_upgrade.py` puts it into a copy of this version, and upgrades and rolls back under load.
"""

import sqlalchemy as sa
from alembic import op

from migrations.online import change_rows, create_index
from migrations.scripts import replace_functions

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The version before inserts no note, so the column needs none.
    op.add_column("jobs", sa.Column("note", sa.Text), if_not_exists=True)
    change_rows(
        """UPDATE jobs SET note = 'migrated'
           WHERE id IN (SELECT id FROM jobs WHERE note IS NULL LIMIT :at_once)"""
    )
    create_index("jobs_by_base_model", "ON jobs (base_model)")
    replace_functions("schema_works_from")


def downgrade() -> None:
    op.drop_index("jobs_by_base_model", if_exists=True)
    op.drop_column("jobs", "note", if_exists=True)

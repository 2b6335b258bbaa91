"""Update a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations


def config(database_url: str, application_role: str | None = None) -> Config:
    """Return Alembic's configuration for our scripts and this database; `env.py` reads the role."""
    made = Config(attributes={"application_role": application_role})
    made.set_main_option("script_location", str(Path(migrations.__file__).parent))
    # Config interpolates %, which passwords may contain.
    made.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return made


def upgrade(database_url: str, application_role: str | None = None) -> None:
    """Run the missing migrations as the owner, and grant the application's role its rights.

    Without a role, the application connects as the owner too. Concurrent callers wait for each other.

    Raises SQLAlchemy's `OperationalError` when the database is unreachable or a lock is not acquired in time.
    """
    command.upgrade(config(database_url, application_role), "head")

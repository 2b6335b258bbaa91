"""Update a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations


def config(database_url: str, application_role: str | None = None) -> Config:
    """Alembic's configuration for our scripts and the given database; `env.py` reads the role."""
    made = Config(attributes={"application_role": application_role})
    made.set_main_option("script_location", str(Path(migrations.__file__).parent))
    # Config interpolates %, which passwords may contain.
    made.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return made


def upgrade(database_url: str, application_role: str | None = None) -> None:
    """Run the migrations that are missing as the owner, and grant the application's role its rights.

    Without a role the owner serves as the application too. Several callers at once wait for each other.

    Raises SQLAlchemy's `OperationalError` when the database is unreachable or a lock is not acquired in time.
    """
    command.upgrade(config(database_url, application_role), "head")

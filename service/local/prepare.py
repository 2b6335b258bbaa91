"""Make a database ready to serve: its schema, and a first key to enter with."""

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from service.catalog.seed import sync_prices
from service.core.db import transaction
from service.core.migrate import upgrade
from service.local.errors import EmbeddedError
from service.teams.actions import create_key, has_admin_key


def migrate(database_url: str) -> None:
    """Run the missing migrations and add the shipped prices. Raises EmbeddedError in one line."""
    try:
        upgrade(database_url)
        with transaction() as session:
            sync_prices(session)
    except CommandError as error:
        # Alembic's words for a revision that this version does not have.
        raise EmbeddedError(f"the database was migrated by a newer Tunehouse: {error}") from error
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
        raise EmbeddedError(f"the database cannot be migrated: {cause[0]}") from error


def make_admin_key(name: str) -> str:
    """Store one more admin key; its secret exists only in this return value."""
    with transaction() as session:
        return create_key(session, team=None, name=name, scopes=[])[1]


def first_admin_key() -> str | None:
    """An admin key where none was ever made, else None."""
    with transaction() as session:
        if has_admin_key(session):
            return None
    return make_admin_key("first admin key")

"""Make a database ready to serve: its schema, and a first key to enter with."""

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from service.catalog.seed import sync_prices
from service.core.db import transaction
from service.core.migrate import upgrade
from service.core.rights import dangers_of, role_of
from service.local.errors import EmbeddedError
from service.teams.keys.actions import create_key
from service.teams.keys.queries import has_admin_key


def migrate(database_url: str, owner_url: str | None = None) -> list[str]:
    """Run the missing migrations as the owner, grant the application's role its rights, add shipped prices.

    Without `owner_url` the application owns the tables. Answers why the application's role could hide what
    was done, if it could. Raises EmbeddedError in one line.
    """
    try:
        role = role_of(database_url)
        is_apart = owner_url is not None and role != role_of(owner_url)
        upgrade(owner_url or database_url, role if is_apart else None)
        with transaction() as session:
            sync_prices(session)
        return dangers_of(database_url)
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

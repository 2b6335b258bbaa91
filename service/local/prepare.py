"""Prepare a database: its schema, the shipped prices, and a first admin key."""

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from service.catalog.seed import sync_prices
from service.core.db import transaction
from service.core.postgres.migrate import upgrade
from service.core.postgres.rights import dangers_of, role_of
from service.core.postgres.schema import Schema, schema_in
from service.local.errors import EmbeddedError
from service.teams.keys.actions import create_key
from service.teams.keys.queries import has_admin_key


def migrate(database_url: str, owner_url: str | None = None) -> list[str]:
    """Run the missing migrations as the owner, grant the application's role its rights, add shipped prices.

    A newer schema that this version works with is left as it is, so that one can go back a version.
    Without `owner_url` the application owns the tables. Returns the ways in which the
    application's role could alter history, if any. Raises EmbeddedError.
    """
    try:
        role = role_of(database_url)
        schema = _schema_at(owner_url or database_url)
        is_apart = owner_url is not None and role != role_of(owner_url)
        if schema is not None and schema.is_newer and schema.problem:
            raise EmbeddedError(schema.problem)
        if schema is None or not schema.is_newer:
            upgrade(owner_url or database_url, role if is_apart else None)
        with transaction() as session:
            sync_prices(session)
        return dangers_of(database_url)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
        raise EmbeddedError(f"the database cannot be migrated: {cause[0]}") from error


def _schema_at(url: str) -> Schema | None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return schema_in(connection)


def make_admin_key(name: str) -> str:
    """Create an admin key and return its secret, which is stored nowhere."""
    with transaction() as session:
        return create_key(session, team=None, name=name, scopes=[])[1]


def first_admin_key() -> str | None:
    """A new admin key if none has ever been created, else None."""
    with transaction() as session:
        if has_admin_key(session):
            return None
    return make_admin_key("first admin key")

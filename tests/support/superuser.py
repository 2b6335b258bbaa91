"""A connection past all triggers and rights, which tests need to clean up and to tamper."""

import psycopg
from sqlalchemy import make_url

# Set by the fixture that starts the server under test.
url = ""
owner_url = ""  # as the owner of the tables, who is not a superuser


def url_of(database: str) -> str:
    """The SQLAlchemy URL by which a superuser reaches the database of that name."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def owner_url_of(database_url: str) -> str:
    """The URL by which the owner of the tables reaches the database that `database_url` names."""
    return (
        make_url(owner_url)
        .set(database=make_url(database_url).database)
        .render_as_string(hide_password=False)
    )


def connect(database_url: str) -> psycopg.Connection:
    """A superuser's connection to the database that `database_url` names, with its triggers off."""
    wanted = make_url(url).set(drivername="postgresql", database=make_url(database_url).database)
    connection = psycopg.connect(wanted.render_as_string(hide_password=False))
    connection.execute("SET session_replication_role = replica")
    connection.commit()
    return connection

"""A migrated database for a benchmark."""

import os

from service.catalog.seed import sync_prices
from service.core.db import transaction
from service.core.postgres.migrate import upgrade
from service.local.postgres import APPLICATION, PostgresServer
from service.settings import settings


def migrated(server: PostgresServer, name: str) -> str:
    """Create a database with the shipped prices, and return the URL by which this process and others connect.

    They connect as the application's role, as in production. A benchmark that fills tables itself connects
    as a superuser: `server.url(name)`.
    """
    owner_url, url = server.create_owned_database(name)
    upgrade(owner_url, APPLICATION)
    os.environ["TUNEHOUSE_DATABASE_URL"] = url
    settings.cache_clear()
    with transaction() as session:
        sync_prices(session)
    return url


def dsn_of(url: str) -> str:
    """Return the URL for psycopg."""
    return url.replace("+psycopg", "")

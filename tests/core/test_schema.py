"""The schema in the database is the one that the table classes and the SQL files describe."""

import re

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, inspect, text

from migrations.scripts import FUNCTIONS, run_functions
from service.core.db import engine
from service.core.postgres.migrate import config, upgrade
from service.tables import METADATA
from tests.support import superuser
from tests.support.clean import dsn

_DEFINED = text("""
    SELECT 'function ' || proname AS name, pg_get_functiondef(oid) AS body
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'view ' || viewname, definition FROM pg_views WHERE schemaname = 'public'
    UNION ALL
    SELECT 'trigger ' || tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE NOT tgisinternal AND NOT c.relispartition
""")
_CREATES = re.compile(r"^CREATE OR REPLACE (FUNCTION|VIEW|TRIGGER) (\w+)", re.MULTILINE)


@pytest.mark.usefixtures("database")
def test_models_and_migrations_agree() -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": _compared}
        )
        assert compare_metadata(context, METADATA) == []


@pytest.mark.usefixtures("database")
def test_functions_in_the_database_are_those_of_the_sql_files() -> None:
    files = [path.read_text("utf-8") for folder in FUNCTIONS for path in folder.glob("*.sql")]
    named = {f"{kind.lower()} {name}" for sql in files for kind, name in _CREATES.findall(sql)}
    with create_engine(superuser.url_of("quiet"), poolclass=NullPool).connect() as connection:
        migrated = defined(connection)
        run_functions(connection)
        assert defined(connection) == migrated
        connection.rollback()
    assert set(migrated) == named


@pytest.mark.usefixtures("postgres_url")
def test_a_downgrade_leaves_nothing_and_an_upgrade_after_it_makes_the_same() -> None:
    url = superuser.url_of("downgraded")
    with psycopg.connect(dsn(superuser.url), autocommit=True) as connection:
        connection.execute("CREATE DATABASE downgraded")
    upgrade(url)
    with create_engine(url, poolclass=NullPool).connect() as connection:
        made = defined(connection)
        connection.rollback()  # a migration would wait for what this transaction has read
        command.downgrade(config(url), "base")
        assert (inspect(connection).get_table_names(), defined(connection)) == (["alembic_version"], {})
        connection.rollback()
        upgrade(url)
        assert defined(connection) == made
        assert (
            compare_metadata(
                MigrationContext.configure(connection, opts={"include_name": _compared}), METADATA
            )
            == []
        )


def _compared(name: str | None, kind: str, _: object) -> bool:
    """Whether to compare a table: partitions are made by a function and follow their parent."""
    return kind != "table" or name is None or not name.startswith("ledger_rows_")


def defined(connection: Connection) -> dict[str, str]:
    return {row.name: row.body for row in connection.execute(_DEFINED)}

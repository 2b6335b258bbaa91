"""Alembic's entry point: run the migrations in `versions/` under an advisory lock and with timeouts."""

from pathlib import Path

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from service.tables import METADATA

# Keeps two migrations from running at once. Any number that no other advisory lock of this database uses.
_LOCK = 7_246_001
_RIGHTS = Path(__file__).parent / "rights.sql"


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url, "the caller gives the database's URL"  # noqa: S101
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        # While a migration waits for a lock, every query behind it waits too, so it gives up early.
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=METADATA, compare_type=True)
        with context.begin_transaction():
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            context.run_migrations()
            _grant(connection, context.config.attributes.get("application_role"))
    engine.dispose()


def _grant(connection: Connection, role: str | None) -> None:
    if role is not None:
        named = text("SELECT set_config('tunehouse.application_role', :role, true)")
        connection.execute(named, {"role": role})
        connection.execute(text(_RIGHTS.read_text("utf-8")))


run()

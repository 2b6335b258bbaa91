"""Alembic's entry point: run the migrations in `versions/` under an advisory lock and with timeouts."""

from pathlib import Path

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from migrations.online import LOCK_TIMEOUT, STATEMENT_TIMEOUT
from service.tables import METADATA

# Keeps two migrations from running at once. Any number that no other advisory lock of this database uses.
_LOCK = 7_246_001
_RIGHTS = Path(__file__).parent / "rights.sql"


def run() -> None:
    """Run what was asked for, each migration in a transaction of its own."""
    url = context.config.get_main_option("sqlalchemy.url")
    assert url, "the caller gives the database's URL"  # noqa: S101
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        # Of the session, because long steps commit. It ends with the connection.
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
        # While a migration waits for a lock, every query behind it waits too, so it gives up early.
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        _grant(connection, context.config.attributes.get("application_role"))
        connection.commit()
    engine.dispose()


def _grant(connection: Connection, role: str | None) -> None:
    if role is not None:
        named = text("SELECT set_config('tunehouse.application_role', :role, true)")
        connection.execute(named, {"role": role})
        connection.execute(text(_RIGHTS.read_text("utf-8")))


def show() -> None:
    """Print the SQL, without a database; for `migrations.lint`."""
    context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    show()
else:
    run()

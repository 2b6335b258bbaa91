"""Check whether the application's database role could tamper with the audit log.

Migrations run as the owner of the tables. The api and the workers connect as a separate role, whose rights
are in `migrations/rights.sql`.
"""

from sqlalchemy import Engine, create_engine, pool, text

_OWNS = """
    SELECT FROM pg_class
    WHERE oid = to_regclass('public.audit_events') AND pg_has_role(current_user, relowner, 'MEMBER')"""

_DANGERS = text(f"""
    SELECT 'is a superuser' FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL
    SELECT 'owns the tables' WHERE EXISTS ({_OWNS})
    UNION ALL
    SELECT 'may run programs or write files on the server' FROM pg_roles
    WHERE rolname IN ('pg_execute_server_program', 'pg_write_server_files')
      AND pg_has_role(current_user, oid, 'MEMBER')
""")  # noqa: S608  names of ours


def role_of(database_url: str) -> str:
    """Return the role that a URL connects as. Raises SQLAlchemy's `OperationalError`."""
    with _engine(database_url).connect() as connection:
        return str(connection.scalar(text("SELECT current_user")))


def dangers_of(database_url: str) -> list[str]:
    """Return why the role that a URL connects as could tamper with the audit log; empty if it cannot."""
    with _engine(database_url).connect() as connection:
        return list(dict.fromkeys(connection.scalars(_DANGERS)))


def owns_tables(database_url: str) -> bool:
    """Whether the role that a URL connects as is the owner of the tables, or a member of it."""
    with _engine(database_url).connect() as connection:
        return bool(connection.scalar(text(f"SELECT EXISTS ({_OWNS})")))


def _engine(database_url: str) -> Engine:
    return create_engine(database_url, poolclass=pool.NullPool, connect_args={"connect_timeout": 5})

"""The database: engine, table base, and the one `transaction()` that commits.

A test enforces that only `transaction()` commits. Actions that must wait until the data is durable, such as
wake-ups, are registered with `after_commit`. SQLAlchemy's own `after_commit` event cannot be used: it also
fires when a SAVEPOINT is released.
"""

import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, DateTime, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session

from service.core import tracing
from service.core.metrics import measures
from service.settings import settings

_HOOKS = "after_commit"
# Postgres settings of every connection: they bound waits for row locks, and end stuck transactions. JIT
# compilation takes longer than the reports' queries run.
SETTINGS = {"lock_timeout": "20s", "idle_in_transaction_session_timeout": "60s", "jit": "off"}
_SET_LOCALLY = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in SETTINGS.items())

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of all tables: named constraints, timezone-aware timestamps, JSON as jsonb."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class View(DeclarativeBase):
    """The base of classes that read a view, which are not compared with the tables in the database."""

    metadata = MetaData()
    type_annotation_map = Base.type_annotation_map


@cache
def engine() -> Engine:
    """Return this process's connection pool, bounded so that load queues here and not in Postgres."""
    url, is_pooled = settings().database_url, settings().direct_database_url is not None
    return _make_engine(url.get_secret_value(), is_pooled=is_pooled)


@cache
def _reports_engine() -> Engine:
    url = settings().reports_database_url
    if url is None:
        return engine()
    return _make_engine(url.get_secret_value(), is_pooled=False, default_transaction_read_only="on")


def dispose_engines() -> None:
    """Close this process's connections, those in use once they are returned, and forget where they led to."""
    for made in (engine, _reports_engine):
        if made.cache_info().currsize:
            event.listen(made().pool, "checkin", _close_returned)
            made().dispose()
        made.cache_clear()


def _close_returned(connection: psycopg.Connection[Any] | None, _record: object) -> None:
    if connection is not None:
        connection.close()


def direct_connection(**options: str) -> tuple[str, dict[str, Any]]:
    """Return what psycopg needs for a connection past any pooler: an address, and keywords.

    `options` are Postgres settings of the connection, besides those of every connection.
    """
    url = settings().direct_database_url or settings().database_url
    found = make_url(url.get_secret_value()).set(drivername="postgresql")
    return found.render_as_string(hide_password=False), _connect_args(SETTINGS | options)


def _make_engine(url: str, *, is_pooled: bool, **options: str) -> Engine:
    """Make a pool. A pooler in transaction mode hands each transaction another connection of the server's.

    It takes neither startup options nor prepared statements, so each transaction makes its own settings.
    """
    args = _connect_args({}) | {"prepare_threshold": None} if is_pooled else _connect_args(SETTINGS | options)
    made = create_engine(
        url,
        pool_size=settings().db_pool_size,
        max_overflow=0,
        pool_timeout=settings().db_pool_timeout_s,
        connect_args=args,
    )
    tracing.watch(made)
    event.listen(made, "checkout", _refuse_closed)
    measures.connections_may_be(settings().db_pool_size)
    event.listen(made, "checkout", measures.connection_used)
    event.listen(made, "checkin", measures.connection_returned)
    if is_pooled:
        event.listen(made, "begin", _set_locally)
    return made


def _refuse_closed(connection: psycopg.Connection[Any], _record: object, _proxy: object) -> None:
    """Make the pool replace a connection that the server has closed, without asking the server each time.

    An idle connection receives nothing until it ends, so a readable socket is one that has ended.
    """
    ending = select.poll()
    try:
        ending.register(connection.fileno(), select.POLLIN)
    except psycopg.OperationalError as closed:
        raise DisconnectionError from closed
    if ending.poll(0):
        raise DisconnectionError


def _set_locally(connection: Connection) -> None:
    # Not `get_isolation_level()`, which asks the server and never answers "AUTOCOMMIT".
    driver = connection.connection.driver_connection
    if not (isinstance(driver, psycopg.Connection) and driver.autocommit):
        connection.exec_driver_sql(_SET_LOCALLY)


def _connect_args(options: Mapping[str, str]) -> dict[str, Any]:
    args = {"connect_timeout": 5, "application_name": "tunehouse"}
    words = " ".join(f"-c {name}={value}" for name, value in options.items())
    return args | ({"options": words} if words else {})


@contextmanager
def reading(*, reports: bool = False) -> Iterator[Session]:
    """Provide a session for reading without BEGIN and COMMIT: each statement sees what is committed by then.

    With `reports`, it reads the replica if there is one. Raises `RuntimeError` if objects were changed,
    because nothing would store them.
    """
    made = _reports_engine() if reports else engine()
    by_statement = made.execution_options(isolation_level="AUTOCOMMIT")
    with Session(by_statement, expire_on_commit=False, autoflush=False) as session:
        yield session
        if session.new or session.dirty or session.deleted:
            raise RuntimeError("Objects were changed in a session for reading.")
    _act_on_commit(session)


@contextmanager
def transaction(of: Engine | None = None) -> Iterator[Session]:
    """Provide a session that commits when the block ends, and rolls back when it raises.

    `of` is the engine of another role, for the owner's commands.
    """
    with Session(of or engine(), expire_on_commit=False) as session:
        yield session
        session.commit()
    _act_on_commit(session)


def _act_on_commit(session: Session) -> None:
    for action in session.info.pop(_HOOKS, []):
        action()


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` after this transaction has committed; never if it rolls back."""
    session.info.setdefault(_HOOKS, []).append(action)

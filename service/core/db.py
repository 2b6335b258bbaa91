"""The database: engine, table base, and the one `transaction()` that commits.

A test enforces that only `transaction()` commits. Actions that must wait until the data is durable, such as
wake-ups, are registered with `after_commit`. SQLAlchemy's own `after_commit` event cannot be used: it also
fires when a SAVEPOINT is released.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import DateTime, Engine, MetaData, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session

from service.settings import settings

_HOOKS = "after_commit"
# Postgres settings of every connection: they bound waits for row locks, and end stuck transactions.
LIMITS = "-c lock_timeout=20s -c idle_in_transaction_session_timeout=60s"

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
    return create_engine(
        settings().database_url.get_secret_value(),
        pool_size=settings().db_pool_size,
        max_overflow=0,
        pool_timeout=settings().db_pool_timeout_s,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "application_name": "tunehouse", "options": LIMITS},
    )


@contextmanager
def transaction() -> Iterator[Session]:
    """Provide a session that commits when the block ends, and rolls back when it raises."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        session.commit()
    for action in session.info.pop(_HOOKS, []):
        action()


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` after this transaction has committed; never if it rolls back."""
    session.info.setdefault(_HOOKS, []).append(action)

"""The database: engine, table base, and the one `transaction()` that commits.

Nothing else in the project commits; a test enforces it. What must happen only once the data is
durable (wake-ups) is registered with `after_commit` and runs after the commit has succeeded.
SQLAlchemy's own `after_commit` event is not used: it also fires when a SAVEPOINT is released.
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
# Postgres settings of every connection: nobody waits for a row lock forever, and a stuck transaction ends.
LIMITS = "-c lock_timeout=20s -c idle_in_transaction_session_timeout=60s"

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table's base: named constraints, aware timestamps, JSON as jsonb."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


@cache
def engine() -> Engine:
    """This process's connection pool, bounded so that load waits here and not in Postgres."""
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
    """A session whose work is committed when the block ends and rolled back when it raises."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        session.commit()
    for action in session.info.pop(_HOOKS, []):
        action()


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` once this transaction is durable; not at all when it rolls back."""
    session.info.setdefault(_HOOKS, []).append(action)

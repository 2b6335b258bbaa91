"""An empty database between tests: rows are deleted, the schema and the shipped prices stay."""

from psycopg import sql
from psycopg.errors import DeadlockDetected
from sqlalchemy import select

from service.core.db import dispose_engines, transaction
from service.core.work import WorkItem
from service.settings import settings
from service.tables import METADATA
from tests.support import superuser


def clean(url: str) -> None:
    """Delete every row of every table of this database but the shipped prices."""
    tables = [table.name for table in METADATA.sorted_tables if table.name != "prices"]
    deletes = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in tables]
    for tries_left in reversed(range(5)):
        try:
            with superuser.connect(url) as connection:
                connection.execute(sql.SQL("; ").join(deletes))
            return
        except DeadlockDetected:  # with a step that a worker does meanwhile, in an order of its own
            if not tries_left:
                raise


def dsn(url: str) -> str:
    """A SQLAlchemy URL as psycopg takes it."""
    return url.replace("+psycopg", "")


def start_over() -> None:
    """Make this process read its settings and connect again."""
    dispose_engines()
    settings.cache_clear()


def work_left() -> list[tuple[str, str]]:
    """The units of work that are still queued."""
    with transaction() as session:
        return [
            (row.kind, row.subject_id) for row in session.execute(select(WorkItem.kind, WorkItem.subject_id))
        ]

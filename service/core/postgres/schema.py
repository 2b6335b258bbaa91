"""Whether the schema in the database is one that this version works with."""

from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from migrations import REVISION

_FOUND = text("SELECT version_num, schema_works_from() FROM alembic_version")


class Schema(NamedTuple):
    """The revision in a database, and the oldest version of the code, by its revision, that works with it."""

    revision: str
    works_from: str

    @property
    def is_older(self) -> bool:
        """Whether migrations are missing. Revisions are numbers with leading zeros."""
        return self.revision < REVISION

    @property
    def is_newer(self) -> bool:
        """Whether a newer version has migrated the database."""
        return self.revision > REVISION

    @property
    def problem(self) -> str | None:
        """Why this version cannot use the database, or None."""
        if self.is_older:
            return f"The database has revision {self.revision} and needs {REVISION}. Run `tunehouse migrate`."
        if self.is_newer and self.works_from > REVISION:
            return (
                f"The database has revision {self.revision}, which needs a newer Tunehouse than this one "
                f"({REVISION}). Install the newer version, or restore a backup."
            )
        return None


def schema_in(connection: Connection) -> Schema | None:
    """Return the schema of a database; None if Tunehouse's migrations never ran in it."""
    try:
        found = connection.execute(_FOUND).one_or_none()
    except ProgrammingError:  # no such table or function
        connection.rollback()
        return None
    return None if found is None else Schema(*found)

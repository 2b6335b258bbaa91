"""Whether this process can serve requests: its database, the schema in it, and its storage.

What other processes do is not part of it: without a broker or a worker, the api still answers requests (see
`status`).
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.core.db import SETTINGS, engine
from service.core.postgres.schema import schema_in
from service.core.storage import storage
from service.errors import TunehouseError, Unavailable

_FRESH_S = 1.0
_POOLER = (
    "TUNEHOUSE_DATABASE_URL leads to a pooler, which drops the settings of connections. Set "
    "TUNEHOUSE_DIRECT_DATABASE_URL to the database's own address."
)
_STORAGE_FRESH_S = 10.0  # each check of a bucket is a request that is paid for


def check_database() -> None:
    """Check that the database answers and has a schema that this version works with. Raises `Unavailable`."""
    try:
        with engine().connect() as connection:
            schema = schema_in(connection)
            lock_timeout = connection.scalar(text("SHOW lock_timeout"))
    except SQLAlchemyError as failure:
        is_pooler = "unsupported startup parameter" in str(failure)
        raise Unavailable(
            _POOLER if is_pooler else "The database is not ready. Check that PostgreSQL is running.",
            param="database",
        ) from failure
    if lock_timeout != SETTINGS["lock_timeout"]:
        raise Unavailable(_POOLER, param="database")
    problem = "The database is empty. Run `tunehouse migrate`." if schema is None else schema.problem
    if problem:
        raise Unavailable(problem, param="schema")


def check_storage() -> None:
    """Check that contents can be stored. Raises `Unavailable`."""
    storage().check()


class Check:
    """A check with a shared result: one thread runs it, and all others get the result while it is fresh."""

    def __init__(self, run: Callable[[], None], fresh_s: float) -> None:
        self._run = run
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._until = 0.0
        self._refusal: TunehouseError | None = None

    def result(self) -> TunehouseError | None:
        """Return what is wrong, or None."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._refusal = self._find()
                self._until = time.monotonic() + self._fresh_s
            return self._refusal

    def _find(self) -> TunehouseError | None:
        try:
            self._run()
        except TunehouseError as refusal:
            return refusal
        return None


DATABASE = Check(check_database, _FRESH_S)
STORAGE = Check(check_storage, _STORAGE_FRESH_S)

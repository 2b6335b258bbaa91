"""SQLite in WAL mode behind one lock: documents by id, in insertion order, grouped by an owner.

`synchronous=NORMAL` keeps every commit through a killed process; only a power cut may lose the last ones.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from trainer.storage.records import (
    CheckpointRecord,
    DeliveryRecord,
    EventRecord,
    FileRecord,
    JobRecord,
    ModelRecord,
    PartRecord,
    UploadRecord,
)
from trainer.storage.table import Table

_TABLES = ("files", "uploads", "parts", "jobs", "events", "checkpoints", "models", "deliveries")
_SCHEMA = "".join(
    f"CREATE TABLE IF NOT EXISTS {name}"
    "(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " owner TEXT NOT NULL, doc BLOB NOT NULL);"
    f"CREATE INDEX IF NOT EXISTS {name}_owner ON {name}(owner, seq);"
    for name in _TABLES
)
_SCHEMA += """
CREATE TABLE IF NOT EXISTS settings(name TEXT PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS labels(job_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (key, value, job_id)) WITHOUT ROWID;
"""

S = TypeVar("S", bound=msgspec.Struct)


class Store:
    """All tables over one connection; every thread goes through `transaction()`."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.RLock()
        self._depth = 0
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self.files = Table(self, "files", FileRecord)
        self.uploads = Table(self, "uploads", UploadRecord)
        self.parts = Table(self, "parts", PartRecord)
        self.jobs = Table(self, "jobs", JobRecord)
        self.events = Table(self, "events", EventRecord)
        self.checkpoints = Table(self, "checkpoints", CheckpointRecord)
        self.models = Table(self, "models", ModelRecord)
        self.deliveries = Table(self, "deliveries", DeliveryRecord)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock and commit at the outermost exit; an exception rolls everything back."""
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._connection
            except BaseException:
                self._depth -= 1
                if outermost:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if outermost:
                self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock without opening a transaction."""
        with self._lock:
            yield self._connection

    def load_setting(self, name: str, kind: type[S]) -> S | None:
        """One saved document, None when it was never saved."""
        with self.reading() as connection:
            row = connection.execute("SELECT doc FROM settings WHERE name=?", (name,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=kind)

    def save_setting(self, name: str, value: msgspec.Struct) -> None:
        """Write one document under its name."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO settings VALUES(?,?) ON CONFLICT(name) DO UPDATE SET doc=excluded.doc",
                (name, msgspec.json.encode(value)),
            )

    def close(self) -> None:
        """Close the connection; later calls fail."""
        with self._lock:
            self._connection.close()

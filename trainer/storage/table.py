"""One table of documents: put, get, delete and cursor pages."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeVar

import msgspec


class Identified(Protocol):
    """Anything stored by its id."""

    id: str


R = TypeVar("R", bound=Identified)


class Connected(Protocol):
    """The part of the store that a table needs."""

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """The connection under its lock."""


class UnknownCursorError(Exception):
    """The id after which a page should begin is not in the table."""


class Table(Generic[R]):
    """Documents of one kind in insertion order; `name` is one of the store's constants, never input."""

    def __init__(self, store: Connected, name: str, kind: type[R]) -> None:
        self._store = store
        self._name = name
        self._decoder = msgspec.json.Decoder(kind)

    def put(self, record: R, owner: str = "") -> None:
        """Insert, or replace the document and keep its place."""
        with self._store.transaction() as connection:
            connection.execute(
                f"INSERT INTO {self._name}(id, owner, doc) VALUES(?,?,?)"
                " ON CONFLICT(id) DO UPDATE SET doc=excluded.doc",
                (record.id, owner, msgspec.json.encode(record)),
            )

    def get(self, ident: str) -> R | None:
        """The document, or None."""
        with self._store.reading() as connection:
            row = connection.execute(
                f"SELECT doc FROM {self._name} WHERE id=?",  # noqa: S608
                (ident,),
            ).fetchone()
        return None if row is None else self._decoder.decode(row[0])

    def delete(self, ident: str) -> None:
        """Remove the document if it is there."""
        with self._store.transaction() as connection:
            connection.execute(f"DELETE FROM {self._name} WHERE id=?", (ident,))  # noqa: S608

    def all(self, owner: str = "") -> list[R]:
        """Every document of an owner, oldest first."""
        with self._store.reading() as connection:
            rows = connection.execute(
                f"SELECT doc FROM {self._name} WHERE owner=? ORDER BY seq",  # noqa: S608
                (owner,),
            ).fetchall()
        return [self._decoder.decode(row[0]) for row in rows]

    def page(
        self,
        *,
        owner: str = "",
        after: str | None,
        limit: int,
        newest_first: bool = True,
        where: str = "",
        args: tuple[object, ...] = (),
    ) -> tuple[list[R], bool]:
        """Up to `limit` documents after the cursor, and whether more follow.

        `where` is a constant clause over `seq`, `id` and `doc` with `args` bound to it.
        Raises `UnknownCursorError` when `after` is not a document of that owner.
        """
        comes_after, order = ("<", "DESC") if newest_first else (">", "ASC")
        clauses, values = ["owner=?"], [owner, *args]
        if where:
            clauses.append(where)
        if after is not None:
            clauses.append(f"seq {comes_after} ?")
            values.append(self._seq_of(after, owner))
        with self._store.reading() as connection:
            rows = connection.execute(
                f"SELECT doc FROM {self._name} WHERE {' AND '.join(clauses)}"  # noqa: S608
                f" ORDER BY seq {order} LIMIT ?",
                (*values, limit + 1),
            ).fetchall()
        return [self._decoder.decode(row[0]) for row in rows[:limit]], len(rows) > limit

    def _seq_of(self, ident: str, owner: str) -> int:
        with self._store.reading() as connection:
            row = connection.execute(
                f"SELECT seq FROM {self._name} WHERE id=? AND owner=?",  # noqa: S608
                (ident, owner),
            ).fetchone()
        if row is None:
            raise UnknownCursorError(ident)
        return int(row[0])

"""Store bytes that a worker produces, hashing them on the way."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.orm import Session

from service.core import storage
from service.core.db import transaction
from service.errors import Conflict


class Stored(NamedTuple):
    """Bytes stored under `key`; they are deleted unless `keep_stored` is called."""

    key: str
    size_bytes: int
    sha256: str


@contextmanager
def storing(chunks: Iterable[bytes]) -> Iterator[Stored]:
    """Store `chunks`; delete them at the end of the block unless `keep_stored` was called."""
    with writing() as out:
        for chunk in chunks:
            out.write(chunk)
        yield out.close()


@contextmanager
def writing() -> Iterator["Out"]:
    """Yield a writer; delete what it wrote when the block raises."""
    with transaction() as session:
        key = storage.announce(session)
    out = Out(key)
    try:
        yield out
    except BaseException:
        # The stored bytes are useless after any failure. Kept contents are not affected.
        out.abort()
        with transaction() as session:
            storage.abandon(session, key)
        raise


class Out:
    """Writes and hashes one content."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.size_bytes = 0
        self._writer = storage.storage().create(key)
        self._hasher = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append."""
        self._hasher.update(data)
        self._writer.write(data)
        self.size_bytes += len(data)

    def close(self) -> Stored:
        """Finish writing, so that the content is durable."""
        self._writer.close()
        return Stored(self.key, self.size_bytes, self._hasher.hexdigest())

    def abort(self) -> None:
        """Discard the content."""
        self._writer.abort()


def keep_stored(session: Session, stored: Stored) -> None:
    """Keep stored bytes, in the transaction that refers to them. Raises `Conflict` if they have expired."""
    if not storage.keep(session, stored.key):
        raise Conflict("Storing the file took too long; try again.", code="upload_expired")

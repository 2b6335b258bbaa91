"""Put bytes that a worker makes into storage, hashed on the way."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.orm import Session

from service.core import storage
from service.core.db import transaction
from service.errors import Conflict


class Stored(NamedTuple):
    """Bytes that lie in storage under `key`, announced and not yet kept."""

    key: str
    size_bytes: int
    sha256: str


@contextmanager
def storing(chunks: Iterable[bytes]) -> Iterator[Stored]:
    """Store `chunks`; they are deleted again unless the block keeps them."""
    with writing() as out:
        for chunk in chunks:
            out.write(chunk)
        yield out.close()


@contextmanager
def writing() -> Iterator["Out"]:
    """Something to write to; what was written is deleted again when the block raises."""
    with transaction() as session:
        key = storage.announce(session)
    out = Out(key)
    try:
        yield out
    except BaseException:
        # Whatever went wrong, what is stored by now is of no use; kept contents are not touched by this.
        out.abort()
        with transaction() as session:
            storage.abandon(session, key)
        raise


class Out:
    """One content being written and hashed."""

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
        """Make all of it durable."""
        self._writer.close()
        return Stored(self.key, self.size_bytes, self._hasher.hexdigest())

    def abort(self) -> None:
        """Stop writing."""
        self._writer.abort()


def keep_stored(session: Session, stored: Stored) -> None:
    """Keep stored bytes, in the transaction that names them. Raises `Conflict` when it is too late."""
    if not storage.keep(session, stored.key):
        raise Conflict("Storing took so long that it was given up.", code="upload_expired")

"""Storage for large contents: each is written once under a random key, read as a stream, and deleted.

A content is valid only if a row in Postgres names its key. That row is written after `close` has made the
bytes durable. Before the first byte is written, `announce` schedules the deletion of the key; the transaction
that writes the row cancels it with `keep`. So after a crash at any moment, a content either has a row or will
be deleted.
"""

import errno
import os
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy.orm import Session

from service.core import ids, work
from service.errors import StorageUnavailable
from service.settings import STORAGE_BUCKETS, settings

log = structlog.get_logger(__name__)

REAP = "storage.reap"  # the work item that deletes a content
CHUNK_BYTES = 2**20
# The longest time to write a content; after it, the content is deleted.
WRITE_LIMIT = timedelta(hours=1)


class ContentWriter(Protocol):
    """A content being written."""

    def write(self, data: bytes) -> None:
        """Append data."""

    def close(self) -> None:
        """Make all of it durable."""

    def abort(self) -> None:
        """Stop writing and discard the content. Does nothing after `close`."""


class Storage(Protocol):
    """A store of contents by key."""

    def create(self, key: str) -> ContentWriter:
        """Begin a content."""

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The content from its byte `start` on, in chunks of at most 1 MiB. Raises `FileNotFoundError`."""

    def size(self, key: str) -> int:
        """The content's length in bytes. Raises `FileNotFoundError`."""

    def delete(self, key: str) -> None:
        """Delete a content, complete or not, if it exists."""

    def check(self) -> None:
        """Return if contents can be written. Raises `StorageUnavailable`."""


@cache
def storage() -> Storage:
    """The storage at `TUNEHOUSE_STORAGE_URL`."""
    url = urlsplit(settings().storage_url)
    if url.scheme in STORAGE_BUCKETS:
        from service.core.object_storage import ObjectStorage

        return ObjectStorage(settings().storage_url)
    return DiskStorage(Path(unquote(url.path)))


def announce(session: Session) -> str:
    """Return a key for a new content, which is deleted unless `keep` is called within an hour."""
    key = ids.new_id("obj_")
    work.schedule(session, REAP, key, delay=WRITE_LIMIT)
    return key


def keep(session: Session, key: str) -> bool:
    """Keep a content, in the transaction that writes its row. Returns False if it is too late."""
    return work.cancel(session, REAP, key)


def abandon(session: Session, key: str) -> None:
    """Delete an announced content now instead of after an hour."""
    work.hasten(session, REAP, key)


def doom(session: Session, key: str) -> None:
    """Schedule the deletion of a kept content, in the transaction that deletes its row."""
    work.schedule(session, REAP, key)


class DiskStorage:
    """Contents as files in a folder shared by apis and workers."""

    def __init__(self, root: Path) -> None:
        self.root = root / "contents"

    def create(self, key: str) -> ContentWriter:
        """Begin a content."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _DiskWriter(path)
        except OSError as failure:
            raise _unavailable(failure) from failure

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The content from its byte `start` on, in chunks of 1 MiB. Raises `FileNotFoundError`."""
        with self._path(key).open("rb", buffering=0) as file:
            file.seek(start)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def size(self, key: str) -> int:
        """The content's length in bytes. Raises `FileNotFoundError`."""
        return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        """Delete a content, if it exists."""
        self._path(key).unlink(missing_ok=True)

    def check(self) -> None:
        """Check that the folder exists, or can be made, and is writable. Raises `StorageUnavailable`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise _unavailable(failure) from failure
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise _unavailable(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _path(self, key: str) -> Path:
        # Two levels, so that no folder becomes too large to list. The end of the key is random.
        return self.root / key[-2:] / key


class _DiskWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as failure:
            raise _unavailable(failure) from failure

    def close(self) -> None:
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            _sync_folder(self._path.parent)
        except OSError as failure:
            raise _unavailable(failure) from failure

    def abort(self) -> None:
        self._file.close()


def _sync_folder(folder: Path) -> None:
    """Make a new file name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(failure: OSError) -> StorageUnavailable:
    log.error("storage_failed", reason=failure.strerror, file=failure.filename)
    return StorageUnavailable()

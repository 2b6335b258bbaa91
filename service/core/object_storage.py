"""Contents as objects in a bucket: S3 or a compatible store, Google Cloud Storage, Azure Blob Storage.

Keys, region and endpoint come from each vendor's usual variables (for S3 `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, and `AWS_ALLOW_HTTP=true` for an endpoint without
TLS) or the machine's role. An object becomes visible once it is complete. Parts sent by a killed process are
invisible but billed: give the bucket a lifecycle rule that aborts incomplete multipart uploads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import from_url

from service.errors import StorageUnavailable

if TYPE_CHECKING:
    from obstore import GetOptions, WritableFile
    from obstore.store import RetryConfig

_READ_BYTES = 2**20
# S3 accepts at most 10,000 parts per object: 80 GB at this size.
_PIECE_BYTES = 8 * 2**20
# Each part is in memory while it is sent.
_PIECES_AT_ONCE = 2
_RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}

log = structlog.get_logger(__name__)


class ObjectStorage:
    """Contents under a prefix of a bucket. Raises `StorageUnavailable` when the bucket cannot be reached."""

    def __init__(self, url: str) -> None:
        self._store = from_url(url, retry_config=_RETRIES)

    def create(self, key: str) -> "_ObjectWriter":
        """Begin a content."""
        with _available():
            return _ObjectWriter(
                obstore.open_writer(
                    self._store, _path(key), buffer_size=_PIECE_BYTES, max_concurrency=_PIECES_AT_ONCE
                )
            )

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The content from its byte `start` on, in chunks of at most 1 MiB. Raises `FileNotFoundError`."""
        part: GetOptions = {"range": {"offset": start}} if start else {}
        with _available():
            blocks = obstore.get(self._store, _path(key), options=part).stream(min_chunk_size=_READ_BYTES)
            for block in blocks:
                data = memoryview(block)
                for start in range(0, len(data), _READ_BYTES):
                    yield bytes(data[start : start + _READ_BYTES])

    def size(self, key: str) -> int:
        """The content's length in bytes. Raises `FileNotFoundError`."""
        with _available():
            return obstore.head(self._store, _path(key))["size"]

    def delete(self, key: str) -> None:
        """Delete a content, if it exists."""
        try:
            with _available():
                obstore.delete(self._store, _path(key))
        except FileNotFoundError:
            return

    def check(self) -> None:
        """Check that the bucket exists and can be listed. Raises `StorageUnavailable`."""
        with _available():
            next(iter(obstore.list(self._store, chunk_size=1)), None)


class _ObjectWriter:
    def __init__(self, file: "WritableFile") -> None:
        self._file: WritableFile | None = file

    def write(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError("this content is complete or was aborted")
        with _available(missing=StorageUnavailable):
            self._file.write(data)

    def close(self) -> None:
        if self._file is not None:
            with _available(missing=StorageUnavailable):
                self._file.close()
        self._file = None

    def abort(self) -> None:
        # An unfinished object is dropped; only `close` makes it visible.
        self._file = None


@contextmanager
def _available(missing: type[Exception] = FileNotFoundError) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as failure:  # where one writes, it is the bucket that is missing
        raise missing from failure
    except (BaseError, OSError) as failure:
        log.error("storage_failed", reason=str(failure)[:500])
        raise StorageUnavailable from failure


def _path(key: str) -> str:
    return f"contents/{key}"

"""Contents as objects in an S3-compatible bucket.

Keys, region and endpoint come from the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_REGION`, `AWS_ENDPOINT_URL`, and `AWS_ALLOW_HTTP=true` for an endpoint without TLS) or the machine's
role. An object becomes visible once it is complete. Parts sent by a killed process are invisible but billed:
give the bucket a lifecycle rule that aborts incomplete multipart uploads.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore import GetOptions, WritableFile

_READ_BYTES = 2**20
# S3 accepts at most 10,000 parts per object: 80 GB at this size.
_PIECE_BYTES = 8 * 2**20
# Each part is in memory while it is sent.
_PIECES_AT_ONCE = 2


class ObjectStorage:
    """Contents under a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._store = S3Store(bucket, prefix=prefix or None)

    def create(self, key: str) -> "_ObjectWriter":
        """Begin a content."""
        return _ObjectWriter(
            obstore.open_writer(
                self._store, _path(key), buffer_size=_PIECE_BYTES, max_concurrency=_PIECES_AT_ONCE
            )
        )

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The content from its byte `start` on, in chunks of at most 1 MiB. Raises `FileNotFoundError`."""
        part: GetOptions = {"range": {"offset": start}} if start else {}
        for block in obstore.get(self._store, _path(key), options=part).stream(min_chunk_size=_READ_BYTES):
            data = memoryview(block)
            for start in range(0, len(data), _READ_BYTES):
                yield bytes(data[start : start + _READ_BYTES])

    def size(self, key: str) -> int:
        """The content's length in bytes. Raises `FileNotFoundError`."""
        return obstore.head(self._store, _path(key))["size"]

    def delete(self, key: str) -> None:
        """Delete a content, if it exists."""
        try:
            obstore.delete(self._store, _path(key))
        except FileNotFoundError:
            return


class _ObjectWriter:
    def __init__(self, file: "WritableFile") -> None:
        self._file: WritableFile | None = file

    def write(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError("this content is complete or was aborted")
        self._file.write(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def abort(self) -> None:
        # An unfinished object is dropped; only `close` makes it visible.
        self._file = None


def _path(key: str) -> str:
    return f"contents/{key}"

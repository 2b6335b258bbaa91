"""A file with a few bytes put before it, without copying it."""

import io
from typing import BinaryIO


class WithPrefix(io.RawIOBase):
    """A file-like object that adds `prefix` to a file that does not begin with it."""

    def __init__(self, content: BinaryIO, prefix: bytes) -> None:
        self._content = content
        content.seek(0)
        self._prefix = b"" if content.read(len(prefix)) == prefix else prefix
        content.seek(0, io.SEEK_END)
        self._size_bytes = content.tell() + len(self._prefix)
        self._position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true: httpx2 determines the size by seeking."""
        return True

    def tell(self) -> int:
        """The current position in bytes, counting the prefix."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, counting the prefix, and return it."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all if it is negative; may return fewer at the end of the prefix."""
        start = self._prefix[self._position :]
        if start and size >= 0:
            chunk = start[:size]
        else:
            self._content.seek(max(self._position - len(self._prefix), 0))
            chunk = start + self._content.read(size)
        self._position += len(chunk)
        return chunk

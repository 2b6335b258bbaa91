"""Azure OpenAI on its `/openai/v1/` surface: the same wire with habits of its own (facts of 2026-11)."""

import io
import re
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

from service.providers.openai_wire import OpenAIWire

_BOM = b"\xef\xbb\xbf"
_SUFFIX_LENGTH = 18
_NOT_IN_SUFFIX = re.compile(r"[^A-Za-z0-9_-]+")


class AzureWire(OpenAIWire):
    """Azure OpenAI: files begin with a byte order mark, suffixes are short, statuses have other names."""

    status_names: ClassVar[Mapping[str, str]] = {
        "pending": "validating_files",
        "notRunning": "queued",
        "canceled": "cancelled",
    }

    def _prepare_file(self, content: BinaryIO) -> Any:
        return WithBom(content)

    def _fit_suffix(self, suffix: str | None) -> str | None:
        """The suffix only decorates Azure's own name of the model; ours carries it unchanged."""
        return _NOT_IN_SUFFIX.sub("-", suffix or "")[:_SUFFIX_LENGTH].strip("-") or None

    def _extra_body(self) -> dict[str, Any] | None:
        kind = self.settings.training_type
        return None if kind is None else {"trainingType": kind}


class WithBom(io.RawIOBase):
    """A readable file with a byte order mark before it, unless it has one; read through, never held."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        content.seek(0)
        self._mark = b"" if content.read(len(_BOM)) == _BOM else _BOM
        content.seek(0, io.SEEK_END)
        self._size_bytes = content.tell() + len(self._mark)
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: httpx2 measures by seeking."""
        return True

    def tell(self) -> int:
        """How many bytes lie before the next one read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position within mark and content."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer where the mark ends or the content does."""
        mark = self._mark[self._position :]
        if mark and size >= 0:
            chunk = mark[:size]
        else:
            self._content.seek(max(self._position - len(self._mark), 0))
            chunk = mark + self._content.read(size)
        self._position += len(chunk)
        return chunk

"""Azure OpenAI's `/openai/v1/` API, where it differs from OpenAI's (as of November 2026)."""

import io
import re
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderJobSpec

_BOM = b"\xef\xbb\xbf"
_SUFFIX_LENGTH = 18
_NOT_IN_SUFFIX = re.compile(r"[^A-Za-z0-9_-]+")


class AzureWire(OpenAIWire):
    """Azure OpenAI: files start with a byte order mark, suffixes are short, statuses have other names."""

    status_names: ClassVar[Mapping[str, str]] = {
        "pending": "validating_files",
        "notRunning": "queued",
        "canceled": "cancelled",
    }

    def _prepare_file(self, content: BinaryIO) -> Any:
        return WithBom(content)

    def _fit_suffix(self, suffix: str | None) -> str | None:
        """Shorten the suffix for Azure's name of the model; Tunehouse's own name keeps it unchanged."""
        return _NOT_IN_SUFFIX.sub("-", suffix or "")[:_SUFFIX_LENGTH].strip("-") or None

    def _extra_body(self, spec: ProviderJobSpec) -> dict[str, Any] | None:
        kind = self.settings.training_type
        return None if kind is None else {"trainingType": kind}


class WithBom(io.RawIOBase):
    """A file-like object that adds a byte order mark to a file that lacks one, without copying the file."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        content.seek(0)
        self._mark = b"" if content.read(len(_BOM)) == _BOM else _BOM
        content.seek(0, io.SEEK_END)
        self._size_bytes = content.tell() + len(self._mark)
        self._position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true: httpx2 determines the size by seeking."""
        return True

    def tell(self) -> int:
        """The current position in bytes, counting the mark."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, counting the mark, and return it."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all if it is negative; may return fewer at the end of the mark."""
        mark = self._mark[self._position :]
        if mark and size >= 0:
            chunk = mark[:size]
        else:
            self._content.seek(max(self._position - len(self._mark), 0))
            chunk = mark + self._content.read(size)
        self._position += len(chunk)
        return chunk

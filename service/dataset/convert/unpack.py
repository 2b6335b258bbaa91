"""Unpack gzip and zstd as a stream, and bound the work that a small file can cause."""

import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol

from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

from service.dataset.convert.problems import Unreadable

MAX_BYTES = 8 * 2**30
# Text compresses to a tenth, rarely to a hundredth; a file that compresses further is meant to waste time.
_MAX_RATIO = 200
_ANY_RATIO_BYTES = 16 * 2**20  # a file may grow to this size by any ratio
# A line takes microseconds to check however short it is, so a ratio of bytes alone does not bound the work.
_ANY_RATIO_LINES = 100_000
_STEP_BYTES = 2**20
# zstd's own default: the largest window, and so memory, that a frame may demand.
_ZSTD_WINDOW_LOG = 27


class Packing(StrEnum):
    """The compression of a file."""

    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def more(self, data: bytes) -> bytes: ...
    @property
    def waits_for_input(self) -> bool: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def more(self, data: bytes) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, _STEP_BYTES)

    @property
    def waits_for_input(self) -> bool:
        return not self._inner.unconsumed_tail


class _Zstd:
    def __init__(self) -> None:
        self._inner = ZstdDecompressor(options={DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def more(self, data: bytes) -> bytes:
        return self._inner.decompress(data, _STEP_BYTES)

    @property
    def waits_for_input(self) -> bool:
        return self._inner.needs_input


def size_limit(sent_bytes: int) -> int:
    """Return the most bytes that a file of `sent_bytes` may unpack to."""
    return min(MAX_BYTES, max(_ANY_RATIO_BYTES, _MAX_RATIO * sent_bytes))


class LineLimit:
    """Counts lines or rows. A file may have 100,000, plus one for each byte that was sent."""

    def __init__(self, sent_bytes: int) -> None:
        self._limit = _ANY_RATIO_LINES + sent_bytes
        self._seen = 0

    def add(self, lines: int) -> None:
        """Count `lines` more. Raises `Unreadable` beyond the limit."""
        self._seen += lines
        if self._seen > self._limit:
            raise Unreadable(
                f"The file unpacks to more than {self._limit} lines or rows, the limit for its size. "
                "Remove blank and repeated lines, or upload it uncompressed as JSONL."
            )

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass text through and count its lines."""
        for chunk in chunks:
            self.add(chunk.count(b"\n"))
            yield chunk


def unpacked(chunks: Iterable[bytes], packing: Packing, limit_bytes: int) -> Iterator[bytes]:
    """Yield the unpacked bytes of one or several concatenated streams, in pieces of at most 1 MiB.

    Raises `Unreadable` if the data is malformed or truncated, or as soon as it exceeds `limit_bytes`.
    """
    if packing is Packing.NONE:
        yield from chunks
        return
    seen_bytes = 0
    for piece in _pieces(chunks, packing):
        seen_bytes += len(piece)
        if seen_bytes > limit_bytes:
            raise Unreadable(
                f"The file unpacks to more than {limit_bytes} bytes, the limit for its size. "
                "Upload it uncompressed."
            )
        yield piece


def _pieces(chunks: Iterable[bytes], packing: Packing) -> Iterator[bytes]:
    begin = _Gzip if packing is Packing.GZIP else _Zstd
    unpacker: _Unpacker | None = None
    any_stream = False
    try:
        for chunk in chunks:
            rest = chunk
            while rest or (unpacker is not None and not unpacker.waits_for_input):
                unpacker = unpacker or begin()
                any_stream = True
                piece = unpacker.more(rest)
                rest = b""
                if piece:
                    yield piece
                if unpacker.eof:
                    rest, unpacker = unpacker.unused_data, None
                elif not piece and unpacker.waits_for_input:
                    break
    except (zlib.error, ZstdError) as bad:
        raise Unreadable(f"The file is not valid {packing.name.lower()} data: {bad}.") from bad
    if unpacker is not None or not any_stream:
        raise Unreadable(f"The {packing.name.lower()} data is truncated; upload the whole file.")

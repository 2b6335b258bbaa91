"""Decompress request bodies within a bound."""

import sys
import zlib
from collections.abc import Callable, Iterator

from service.errors import InvalidRequest, TooLarge, UnsupportedEncoding

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

SUPPORTED = ("gzip", "deflate", "zstd")
_PIECE_BYTES = 256 * 1024
# JSON text compresses 10:1, rarely 50:1. A body above this ratio is meant to exhaust memory.
_MAX_RATIO = 200
_ANY_RATIO_BYTES = 2**20  # the ratio is checked only above this size
_MAX_WINDOW_LOG = 23  # zstd's decoder allocates its window, 8 MiB at most, before any output
_MALFORMED = (zlib.error, ZstdError, EOFError)
_HEADER = "content-encoding"

Decode = Callable[[bytes], Iterator[bytes]]


class Unpacker:
    """Decompresses a body piece by piece, up to `limit_bytes` of plain data."""

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        """Prepare the decoder for `encoding`. Raises `UnsupportedEncoding`."""
        self._limit_bytes = limit_bytes
        self._encoding = encoding
        self._packed_bytes = self._plain_bytes = 0
        if encoding == "zstd":
            self._zstd = ZstdDecompressor(options={DecompressionParameter.window_log_max: _MAX_WINDOW_LOG})
            self._source: ZstdDecompressor | zlib._Decompress = self._zstd
            self._decode: Decode = self._decode_zstd
        elif encoding in SUPPORTED:
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
            self._source = self._zlib
            self._decode = self._decode_zlib
        else:
            raise UnsupportedEncoding(
                f"The Content-Encoding {encoding!r} is not supported; send one of {', '.join(SUPPORTED)}, "
                "or the plain body.",
                accepted=SUPPORTED,
            )

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the next plain pieces, each at most 256 KiB. Raises `InvalidRequest` and `TooLarge`."""
        self._packed_bytes += len(data)
        try:
            for plain in self._decode(data):
                self._plain_bytes += len(plain)
                self._check_size()
                yield plain
        except _MALFORMED as wrong:
            raise self._malformed() from wrong
        if self._source.unused_data:
            raise self._malformed()

    def finish(self) -> None:
        """Check that the body was complete. Raises `InvalidRequest`."""
        if not self._source.eof:
            raise self._malformed()

    def _decode_zlib(self, data: bytes) -> Iterator[bytes]:
        is_full = True
        while data or is_full:
            plain = self._zlib.decompress(data, _PIECE_BYTES)
            data, is_full = self._zlib.unconsumed_tail, len(plain) == _PIECE_BYTES
            yield plain

    def _decode_zstd(self, data: bytes) -> Iterator[bytes]:
        yield self._zstd.decompress(data, _PIECE_BYTES)
        while not self._zstd.eof and not self._zstd.needs_input:
            yield self._zstd.decompress(b"", _PIECE_BYTES)

    def _check_size(self) -> None:
        if self._plain_bytes > self._limit_bytes:
            raise TooLarge(
                f"The decompressed body is larger than the {self._limit_bytes} bytes that this route accepts."
            )
        if self._plain_bytes > max(_ANY_RATIO_BYTES, _MAX_RATIO * self._packed_bytes):
            raise TooLarge(
                f"The body expands to more than {_MAX_RATIO} times its compressed size; send it uncompressed."
            )

    def _malformed(self) -> InvalidRequest:
        return InvalidRequest(
            f"The body is not the complete {self._encoding} stream that its Content-Encoding declares.",
            param=_HEADER,
            code="invalid_content_encoding",
        )

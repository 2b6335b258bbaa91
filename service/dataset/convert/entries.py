"""Find the longest entry of a Parquet dictionary, whatever its compression.

A dictionary is written as a page of plain values is: the reader takes it for the only page of a file that is
put together here.
Specification: https://github.com/apache/parquet-format
"""

import io
from itertools import pairwise
from typing import NamedTuple

_BYTE_ARRAY, _FIXED = 6, 7
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_RLE = 3
_Field = tuple[int, int, bytes]


class Dictionary(NamedTuple):
    """A dictionary page: its column's physical type and codec, its number of entries and its content."""

    kind: int
    codec: int
    entries: int
    size_bytes: int
    content: bytes

    def longest_bytes(self) -> int:
        """Return the size of the longest entry; at most 12 for numbers. Raises what the reader raises."""
        from arro3.io import read_parquet

        if self.kind != _BYTE_ARRAY:
            return self.size_bytes // max(1, self.entries) if self.kind == _FIXED else 12
        found = read_parquet(io.BytesIO(_file_of(self)))
        return max((len(entry) for batch in found for entry in batch.column(0).to_pylist()), default=0)


def _file_of(dictionary: Dictionary) -> bytes:
    """Return a file with a column of these entries, none of them missing."""
    kind, codec, entries, size_bytes, content = dictionary
    coding = _struct(
        (1, _I32, _int(entries)), (2, _I32, _int(0)), (3, _I32, _int(_RLE)), (4, _I32, _int(_RLE))
    )
    sizes = (2, _I32, _int(size_bytes)), (3, _I32, _int(len(content)))
    page = _struct((1, _I32, _int(0)), *sizes, (5, _STRUCT, coding)) + content
    root = _struct((4, _BINARY, _text(b"root")), (5, _I32, _int(1)))
    leaf = _struct((1, _I32, _int(kind)), (3, _I32, _int(0)), (4, _BINARY, _text(b"entry")))
    column = _struct(
        (1, _I32, _int(kind)),
        (2, _LIST, _list(_I32, _int(0))),
        (3, _LIST, _list(_BINARY, _text(b"entry"))),
        (4, _I32, _int(codec)),
        (5, _I64, _int(entries)),
        (6, _I64, _int(len(page))),
        (7, _I64, _int(len(page))),
        (9, _I64, _int(4)),
    )
    chunk = _struct((2, _I64, _int(4)), (3, _STRUCT, column))
    group = _struct((1, _LIST, _list(_STRUCT, chunk)), (2, _I64, _int(len(page))), (3, _I64, _int(entries)))
    footer = _struct(
        (1, _I32, _int(1)),
        (2, _LIST, _list(_STRUCT, root, leaf)),
        (3, _I64, _int(entries)),
        (4, _LIST, _list(_STRUCT, group)),
    )
    return b"PAR1" + page + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _struct(*fields: _Field) -> bytes:
    steps = pairwise((0, *(number for number, _, _ in fields)))
    heads = (
        bytes([(after - before) << 4 | kind])
        for (before, after), (_, kind, _) in zip(steps, fields, strict=True)
    )
    return b"".join(head + value for head, (_, _, value) in zip(heads, fields, strict=True)) + b"\0"


def _list(kind: int, *elements: bytes) -> bytes:
    return bytes([len(elements) << 4 | kind]) + b"".join(elements)


def _text(text: bytes) -> bytes:
    return _varint(len(text)) + text


def _int(number: int) -> bytes:
    return _varint(number << 1)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])

"""Read rows of Parquet files, once the sizes of their pages are known to be bounded.

The reader unpacks a page as a whole, whatever size its header names, and a batch of rows repeats each entry
of each column's dictionary as often as rows refer to it: 32 KB took 7.7 GB. One row with a list can do so
too: 858 bytes took 2.5 GB. So every page is checked before.
Specification: https://github.com/apache/parquet-format
"""

import os
import struct
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from service.dataset.convert.binary import spool
from service.dataset.convert.entries import Dictionary
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.thrift import Compact, Fields
from service.dataset.convert.unpack import Packing, size_limit, unpacked

_ROWS = 256  # at most, of a batch
_BATCH_BYTES = 64 * 2**20  # that a batch may take by repeating one entry of each column's dictionary
_MAX_DICTIONARY_BYTES = 256 * 2**20  # of the columns of a row group, and so of one row
_MAX_PAGE_BYTES = 64 * 2**20  # writers aim at 1 MB; a page of pyarrow can hold 1,024 long chats
_MAX_FOOTER_BYTES = 16 * 2**20
_MAX_COLUMNS = 1000
_ANY_PAGES = 10_000
_BYTES_A_PAGE = 1024  # more pages than one for each of so many bytes only cost time
_ANY_VALUES = 4_000_000
_HEADER_BYTES = 64 * 1024  # a page's header, which may hold the smallest and the largest value
_MAGIC = b"PAR1"
_DICTIONARY = 2
_REPEATED = 2
_LIST_BYTES = 512 * 2**20  # of lists in a row group, if each value is the longest entry
_ANY_LIST_BYTES = 2**20  # of a column, too few to look for the longest entry
_BY_DICTIONARY = frozenset({2, 8})  # PLAIN_DICTIONARY and RLE_DICTIONARY
_PREFIXES = 7  # DELTA_BYTE_ARRAY, by which a byte can repeat the whole value before it
# Codecs by their number: https://github.com/apache/parquet-format/blob/master/Compression.md
_PLAIN, _SNAPPY, _GZIP, _LZ4, _ZSTD, _LZ4_RAW = 0, 1, 2, 5, 6, 7
_PACKINGS = {_GZIP: Packing.GZIP, _ZSTD: Packing.ZSTD}
# These unpack into a buffer of the announced size and fail beyond it.
_KEEP_THEIR_SIZE = frozenset({_PLAIN, _SNAPPY, _LZ4, _LZ4_RAW})


def parquet_rows(chunks: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row and its number, from 1. Raises `Unreadable`."""
    from arro3.io import read_parquet

    with tempfile.TemporaryFile() as whole:
        spool(chunks, whole)
        try:
            rows = Pages(whole).rows_of_a_batch()
            whole.seek(0)
            number = 0
            for batch in read_parquet(whole, batch_size=rows):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(batch.column_names, cells, strict=True))
        except (GeneratorExit, KeyboardInterrupt, SystemExit, Unreadable):
            raise
        except BaseException as bad:
            # The reader panics on files that are not Parquet, and its panics do not derive from `Exception`.
            raise Unreadable(f"The file cannot be read as Parquet: {str(bad)[:200]}.") from bad


@dataclass
class Pages:
    """Walks over the pages of all columns and holds them to the bounds."""

    file: IO[bytes]
    pages: int = 0
    values: int = 0
    plain_bytes: int = 0
    dictionary_bytes: int = 0  # in the current row group, as the next
    list_bytes: int = 0

    def rows_of_a_batch(self) -> int:
        """Return how many rows may be read at once. Raises `Unreadable` beyond a bound."""
        self.sent_bytes = self.file.seek(0, os.SEEK_END)
        longest_row_bytes = 1
        footer = self._footer()
        in_lists = list(_leaves(iter(footer[2])))
        for group in footer.get(4, []):
            columns = group.get(1, [])
            if len(columns) > _MAX_COLUMNS:
                raise Unreadable(f"The file has more columns than the limit of {_MAX_COLUMNS}.")
            self.dictionary_bytes = self.list_bytes = 0
            for column, is_in_list in zip(columns, in_lists, strict=True):
                self._walk(column[3], is_in_list)
            longest_row_bytes = max(longest_row_bytes, self.dictionary_bytes)
        return max(1, min(_ROWS, _BATCH_BYTES // longest_row_bytes))

    def _footer(self) -> Fields:
        self.file.seek(-8, os.SEEK_END)
        size, magic = struct.unpack("<I4s", self.file.read(8))
        if magic != _MAGIC:
            raise Unreadable("The file cannot be read as Parquet: it does not end as one.")
        if size > min(_MAX_FOOTER_BYTES, self.sent_bytes - 8):
            raise Unreadable(
                "The file cannot be read as Parquet: its footer is larger than the file, or than "
                f"{_MAX_FOOTER_BYTES} bytes."
            )
        self.file.seek(-8 - size, os.SEEK_END)
        return Compact(self.file.read(size)).struct()

    def _walk(self, column: Fields, is_in_list: bool) -> None:
        """Look at every page of a column of a row group."""
        codec, packed_bytes, first_page, dictionary = column[4], column[7], column[9], column.get(11)
        # A dictionary comes before the other pages; some writers name 0 if there is none.
        place = min(first_page, dictionary) if dictionary else first_page
        end = place + packed_bytes
        if not 4 <= place <= end <= self.sent_bytes:
            raise Unreadable("The file cannot be read as Parquet: a column lies outside the file.")
        entries: Dictionary | None = None
        referring = 0
        while place < end:
            self.file.seek(place)
            cursor = Compact(self.file.read(_HEADER_BYTES))
            header = cursor.struct()
            content_bytes = header[3]
            if not 0 <= content_bytes <= end - place:
                raise Unreadable("The file cannot be read as Parquet: a page lies outside its column.")
            self._check(header)
            self.file.seek(place + cursor.place)
            content = self.file.read(content_bytes)
            self._check_content(header, codec, content)
            if header[1] == _DICTIONARY:
                if entries is not None:
                    raise Unreadable("The file cannot be read as Parquet: a column has two dictionaries.")
                entries = Dictionary(column[1], codec, header[7][1], header[2], content)
            referring += _values_by_dictionary(header)
            place += cursor.place + content_bytes
        if is_in_list and entries and referring * entries.size_bytes > _ANY_LIST_BYTES:
            self.list_bytes += referring * entries.longest_bytes()
        if self.list_bytes > _LIST_BYTES:
            raise Unreadable(
                f"The lists of a row group may take more than {_LIST_BYTES} bytes: many values refer to long "
                "entries of a dictionary. Write smaller row groups, or upload the file as JSONL."
            )

    def _check(self, header: Fields) -> None:
        size_bytes = header[2]
        of_data = header.get(5) or header.get(8) or {}
        self.pages += 1
        self.plain_bytes += size_bytes
        self.values += of_data.get(1, 0)
        if not 0 <= size_bytes <= _MAX_PAGE_BYTES:
            raise Unreadable(
                f"A page of the file unpacks to more than {_MAX_PAGE_BYTES} bytes. Write smaller pages, or "
                "upload the file as JSONL."
            )
        if self.plain_bytes > size_limit(self.sent_bytes):
            raise Unreadable(
                f"The file unpacks to more than {size_limit(self.sent_bytes)} bytes, the limit for its size. "
                "Upload it as JSONL."
            )
        if self.pages > _ANY_PAGES + self.sent_bytes // _BYTES_A_PAGE:
            raise Unreadable("The file has more pages than the limit for its size. Write larger pages.")
        if self.values > _ANY_VALUES + self.sent_bytes:
            raise Unreadable("The file has more values than the limit for its size. Upload it as JSONL.")
        if header[1] == _DICTIONARY:
            self.dictionary_bytes += size_bytes
            if self.dictionary_bytes > _MAX_DICTIONARY_BYTES:
                raise Unreadable(
                    f"The dictionaries of a row group unpack to more than {_MAX_DICTIONARY_BYTES} bytes. "
                    "Write the file without dictionary encoding, or upload it as JSONL."
                )
        if _PREFIXES in (header.get(5, {}).get(2), header.get(8, {}).get(4)):
            raise Unreadable(
                "The file uses the encoding DELTA_BYTE_ARRAY, which is not supported. Write it with plain or "
                "dictionary encoding."
            )

    def _check_content(self, header: Fields, codec: int, content: bytes) -> None:
        """Unpack what the reader would unpack beyond the announced size."""
        if codec in _KEEP_THEIR_SIZE:
            return
        packing = _PACKINGS.get(codec)
        if packing is None:
            raise Unreadable(
                "The file uses a compression that is not supported. Write it with zstd, snappy, gzip or none."
            )
        levels_bytes = 0
        if second_version := header.get(8):
            if not second_version.get(7, True):
                return
            # Here the levels precede the values and are not packed.
            levels_bytes = second_version.get(5, 0) + second_version.get(6, 0)
        if packed := content[levels_bytes:]:
            for _ in unpacked([packed], packing, header[2]):
                pass  # `unpacked` counts


def _leaves(schema: Iterator[Fields], is_in_list: bool = False) -> Iterator[bool]:
    """Yield whether a row can have several values, for each column below the next element of the schema."""
    element = next(schema)
    is_in_list = is_in_list or element.get(3) == _REPEATED
    children = element.get(5, 0)
    for _ in range(children):
        yield from _leaves(schema, is_in_list)
    if not children:
        yield is_in_list


def _values_by_dictionary(header: Fields) -> int:
    """Return how many values of a page refer to the dictionary."""
    first, second = header.get(5, {}), header.get(8, {})
    values: int = (first or second).get(1, 0)
    return values if _BY_DICTIONARY & {first.get(2), second.get(4)} else 0

"""Rows of tables as dictionaries: CSV, TSV and Parquet."""

import codecs
import csv
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from arro3.io import read_parquet

from service.dataset.convert.sources import Layout
from service.dataset.convert.unpack import Unreadable
from service.dataset.lines import MAX_LINE_BYTES

Row = dict[str, Any]
# A whole batch is in memory at once, and a row may hold a long conversation.
_PARQUET_ROWS = 256
# The csv module's own limit is 128 KiB and can be set for the process only.
csv.field_size_limit(MAX_LINE_BYTES)


def rows_of(chunks: Iterable[bytes], layout: Layout) -> Iterator[Row]:
    """The table's rows, in order. Raises `Unreadable` naming the line where it cannot be read."""
    if layout is Layout.PARQUET:
        return _parquet_rows(chunks)
    return _csv_rows(chunks, "," if layout is Layout.CSV else "\t")


def _csv_rows(chunks: Iterable[bytes], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(_text_lines(chunks), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) < len(header) or not all(header):
            raise Unreadable("line 1: the first line must name each column, and no two the same.")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise Unreadable(
                    f"line {reader.line_num}: {len(cells)} columns, but the first line names {len(header)}."
                )
            yield dict(zip(header, cells, strict=True))
    except csv.Error as bad:
        raise Unreadable(f"line {reader.line_num}: {bad}.") from bad


def _text_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines with their ends, a byte order mark left out."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    held: list[str] = []
    held_chars = number = 0
    for chunk in chain(chunks, [b""]):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as bad:
            raise Unreadable(f"line {number + 1} or soon after: is not UTF-8: {bad.reason}.") from bad
        *lines, rest = text.split("\n")
        for line in lines:
            yield "".join((*held, line, "\n"))
            held, held_chars, number = [], 0, number + 1
        held.append(rest)
        held_chars += len(rest)
        if held_chars > MAX_LINE_BYTES:
            raise Unreadable(f"line {number + 1}: is longer than {MAX_LINE_BYTES} characters.")
    if held_chars:
        yield "".join(held)


def _parquet_rows(chunks: Iterable[bytes]) -> Iterator[Row]:
    # Parquet is read from its end, so all of it must be at hand.
    with tempfile.TemporaryFile() as whole:
        for chunk in chunks:
            whole.write(chunk)
        whole.seek(0)
        try:
            for batch in read_parquet(whole, batch_size=_PARQUET_ROWS):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    yield dict(zip(batch.column_names, cells, strict=True))
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as bad:
            # The reader panics on files that are not Parquet, and its panics are no `Exception`s.
            raise Unreadable(f"The file is not Parquet that can be read: {str(bad)[:200]}.") from bad

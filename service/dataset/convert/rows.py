"""Read rows of tables and JSON values as dictionaries, each with its place in the file."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from service.dataset.convert import parquet, sheets
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.sources import Layout, Source
from service.dataset.convert.values import values
from service.dataset.jsonline import WrittenNumber, read
from service.dataset.lines import MAX_LINE_BYTES, batches
from service.dataset.problems import Flaw

_DELIMITERS = ",;\t|"
_MAX_COLUMNS = 10_000
_INDEX = "(index)"  # what pandas writes as a first column without a name
# The csv module's own limit is 128 KiB and can be set for the process only.
csv.field_size_limit(MAX_LINE_BYTES)


class Row(NamedTuple):
    """A row's cells by column, and the line or row of the file where it starts, from 1."""

    line: int
    place: str
    cells: dict[str, Any]


def rows_of(plain: Iterable[bytes], layout: Layout, limit_bytes: int) -> Iterator[Row]:
    """Yield the rows in order; text is in UTF-8, and a workbook may unpack to `limit_bytes`.

    Raises `Unreadable` with the place that cannot be read.
    """
    if layout is Layout.PARQUET:
        return _numbered(parquet.parquet_rows(plain))
    if layout is Layout.XLSX:
        return _numbered(sheets.sheet_rows(plain, limit_bytes))
    if layout in (Layout.CSV, Layout.TSV):
        return _csv_rows(plain, "," if layout is Layout.CSV else "\t")
    return _objects(_lines(plain) if layout is Layout.JSONL else values(plain))


def recoded(chunks: Iterable[bytes], source: Source) -> Iterable[bytes]:
    """Yield the text in UTF-8 with line feeds. Raises `Unreadable` if it is not in the source's encoding."""
    text = chunks if source.encoding == "utf-8" else _recoded(chunks, source.encoding)
    return text if source.line_end == "\n" else (chunk.replace(b"\r", b"\n") for chunk in text)


def _recoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as bad:
        raise Unreadable(f"The file looks like {encoding.upper()} but cannot be decoded: {bad}.") from bad


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for batch in batches(chunks):
        for number, line in enumerate(batch.lines, batch.first):
            if line is None:
                raise Unreadable(f"line {number}: is longer than {MAX_LINE_BYTES} bytes.")
            if line.strip():
                yield number, line


def _objects(found: Iterable[tuple[int, bytes]]) -> Iterator[Row]:
    for number, text in found:
        value = read(text, number=WrittenNumber)
        if isinstance(value, Flaw):
            raise Unreadable(f"line {number}: {value.message}.")
        if not isinstance(value, dict):
            raise Unreadable(
                f'line {number}: expected a JSON object, such as {{"messages": […]}}, on each line.'
            )
        yield Row(number, f"line {number}", value)


def _numbered(rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[Row]:
    return (Row(number, f"row {number}", cells) for number, cells in rows)


def _csv_rows(chunks: Iterable[bytes], delimiter: str) -> Iterator[Row]:
    lines = _text_lines(chunks)
    first = next(lines, "")
    if max(map(first.count, _DELIMITERS)) >= _MAX_COLUMNS:
        raise Unreadable(f"line 1: names more columns than the limit of {_MAX_COLUMNS}.")
    reader = csv.reader(chain([first], lines), delimiter=_delimiter_in(first, delimiter), strict=True)
    start = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        if header[1:] and not header[0]:
            header[0] = _INDEX
        lowered = [name.casefold() for name in header]
        if len(set(lowered)) < len(header) or not all(header):
            raise Unreadable("line 1: the first line must name each column, and each name once.")
        start = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                raise Unreadable(
                    f"line {start}: has {len(cells)} columns, but the first line names {len(header)}."
                )
            if cells:
                yield Row(start, f"line {start}", dict(zip(header, cells, strict=True)))
            start = reader.line_num + 1
    except csv.Error as bad:
        said = (
            f"a quotation mark in the row at line {start} is never closed"
            if "end of data" in str(bad)
            else bad
        )
        raise Unreadable(f"line {reader.line_num}: {said}.") from bad


def columns_in(text: str) -> list[str]:
    """Return the column names in the first line of a table; none if it is not one."""
    first = text.lstrip().partition("\n")[0].rstrip("\r")
    try:
        return next(csv.reader([first], delimiter=_delimiter_in(first, ","), strict=True), [])
    except csv.Error:
        return []


def _delimiter_in(header: str, usual: str) -> str:
    """Return the usual delimiter, or another one if it alone occurs in the first line."""
    plain = "".join(header.split('"')[::2])
    if usual in plain:
        return usual
    return max(_DELIMITERS, key=plain.count) if any(mark in plain for mark in _DELIMITERS) else usual


def _text_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines with their ends, without a byte order mark."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    held: list[str] = []
    held_chars = number = 0
    for chunk in chain(chunks, [b""]):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as bad:
            raise Unreadable(
                f"line {number + 1} or soon after: is not UTF-8 ({bad.reason}). Save the file as UTF-8."
            ) from bad
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

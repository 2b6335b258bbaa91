"""Convert a source to JSON lines, as a stream: unpack, read rows, build examples, reshape, clean."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec

from service.dataset.convert import reshape
from service.dataset.convert.clean import cleaned
from service.dataset.convert.columns import ExampleTable, are_columns, needs_building
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.rows import columns_in, recoded, rows_of
from service.dataset.convert.sources import HEAD_BYTES, Layout, Source, surveyed, unpacked_source
from service.dataset.convert.unpack import LineLimit, size_limit, unpacked
from service.dataset.jsonline import WrittenNumber, read, write
from service.dataset.lines import MAX_LINE_BYTES, batches
from service.dataset.normalise import may_need_normalising, normalised

_OUT_BYTES = 2**20
_LAYOUT_NAMES = {
    Layout.JSON: "JSON",
    Layout.XLSX: "the first sheet of a workbook",
}


class Options(msgspec.Struct, frozen=True):
    """How to convert; the defaults change only what is necessary."""

    to: str | None = None
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    system: str | None = None
    separator: str | None = None
    stop: str | None = None
    clean_html: bool = False
    clean_control: bool = False

    @property
    def rewrites(self) -> bool:
        """Return whether examples that are already JSON must be decoded."""
        return self.to in ("chat", "completion") or self.clean_html or self.clean_control


def source_within(chunks: Iterable[bytes], source: Source, format_name: str | None = None) -> Source:
    """Return the source, corrected by its first bytes. Raises `Unreadable`."""
    head = _peek(iter(chunks))[0]
    found = surveyed(source, head)
    return _by_first_line(found, head, format_name) if found.is_jsonl else found


class Conversion:
    """Converts `chunks`, a file of `size_bytes`, to JSON lines in pieces of about 1 MiB.

    Iterate once; this raises `Unreadable`. Lines of JSONL that are not JSON objects pass unchanged, for the
    check to report. Afterwards `notes` says how the file was read, and `lines` has the source line of each
    line.
    """

    def __init__(self, chunks: Iterable[bytes], source: Source, size_bytes: int, options: Options) -> None:
        self.notes: list[str] = []
        self.lines = array("I")
        self._chunks = chunks
        self._source = source
        self._limit_bytes = size_limit(size_bytes)
        self._size_bytes = size_bytes
        self._options = options
        self._removed: set[str] = set()
        self._normalised = 0

    def __iter__(self) -> Iterator[bytes]:
        written_bytes = 0
        for piece in _joined(self._lines()):
            written_bytes += len(piece)
            if written_bytes > self._limit_bytes:
                raise Unreadable(
                    f"The examples take more than {self._limit_bytes} bytes as JSONL, the limit for a file "
                    "of this size. Split long chats, or upload the examples as JSONL."
                )
            yield piece
        if self._normalised:
            names = ", ".join(sorted(self._removed))
            self.notes.append(
                f"Removed fields that do not affect training from {self._normalised} examples: {names}."
            )

    def _lines(self) -> Iterator[bytes]:
        options = self._options
        reshaped = reshape.reshaper(
            options.to, system=options.system, separator=options.separator, stop=options.stop
        )
        for number, example in self._examples():
            if isinstance(example, bytes):
                self.lines.append(number)
                yield example
                continue
            for one in reshaped(self._normal(example)):
                self.lines.append(number)
                clean = options.clean_html or options.clean_control
                yield _encoded(
                    cleaned(one, of_html=options.clean_html, of_control=options.clean_control)
                    if clean
                    else one
                )

    def _normal(self, example: dict[str, Any]) -> dict[str, Any]:
        made = normalised(example, self._removed)
        self._normalised += made != example
        return made

    def _examples(self) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
        head, packed = _peek(iter(self._chunks))
        source = surveyed(self._source, head)
        head, plain = _peek(unpacked(packed, source.packing, self._limit_bytes))
        source = unpacked_source(source, head)
        head, plain = _peek(iter(recoded(plain, source)))
        if source.layout is Layout.JSONL:
            source = _by_first_line(source, head, self._options.to)
        if source.layout not in (Layout.PARQUET, Layout.XLSX):
            plain = LineLimit(self._size_bytes).watch(plain)
        if source.layout is Layout.JSONL and not self._options.columns:
            yield from _json_lines(plain, self._options.rewrites)
            return
        table = ExampleTable(self._options.columns, self._options.to)
        rows = LineLimit(self._size_bytes)
        builds: bool | None = None if source.layout in (Layout.JSON, Layout.JSONL) else True
        counts_values = source.layout is Layout.JSON and b"\n" not in head.strip()
        for number, found in enumerate(rows_of(plain, source.layout, self._limit_bytes), 1):
            rows.add(1)
            row = found._replace(line=number, place=f"value {number}") if counts_values else found
            if builds is None:
                builds = bool(self._options.columns) or needs_building(row.cells, self._options.to)
            yield row.line, table.example(row) if builds else row.cells
        self.notes.append(f"Read as {_LAYOUT_NAMES.get(source.layout, source.layout.value.upper())}.")
        if counts_values:
            self.notes.append("The file has one line, so the report counts its values instead of lines.")
        if builds:
            self.notes.append(table.note())


def _json_lines(plain: Iterable[bytes], rewrites: bool) -> Iterator[tuple[int, dict[str, Any] | bytes]]:
    for batch in batches(plain):
        for number, line in enumerate(batch.lines, batch.first):
            if line is None:
                raise Unreadable(f"line {number}: is longer than {MAX_LINE_BYTES} bytes.")
            if line.strip():
                decodes = rewrites or may_need_normalising(line)
                value = read(line, number=WrittenNumber) if decodes else None
                yield (
                    number,
                    value if isinstance(value, dict) else line.rstrip(),
                )


def _by_first_line(source: Source, head: bytes, format_name: str | None) -> Source:
    """Return the source as JSON if its first line has another tool's shape, as CSV if it names columns."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    first = head.partition(b"\n")[0]
    if not first.startswith(b"{"):
        is_table = are_columns(columns_in(head.decode("utf-8", "replace")), format_name)
        return replace(source, layout=Layout.CSV) if is_table else source
    value = read(first)
    is_other = isinstance(value, dict) and needs_building(value, format_name)
    return replace(source, layout=Layout.JSON) if is_other else source


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first 64 KiB, and an iterator over all chunks."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes >= HEAD_BYTES:
            break
    return b"".join(held)[:HEAD_BYTES], chain(held, chunks)


def _encoded(example: Any) -> bytes:
    try:
        return write(example)
    except (TypeError, ValueError, OverflowError, RecursionError) as bad:
        raise Unreadable(f"An example cannot be written as JSON: {bad}.") from bad


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    held_bytes = 0
    for line in lines:
        held += (line, b"\n")
        held_bytes += len(line) + 1
        if held_bytes >= _OUT_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held:
        yield b"".join(held)

"""Read rows of Excel workbooks, which need the whole file."""

import re
import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from typing import IO, Any
from xml.parsers.expat import ExpatError, ParserCreate

from service.dataset.convert.binary import spool
from service.dataset.convert.problems import Unreadable

# The reader holds a sheet in memory several times over.
_MAX_SHEET_BYTES = 128 * 2**20
# The reader allocates every cell up to the last row and column, 40 bytes each, whether it is filled or not.
_MAX_CELLS = 5_000_000
_PIECE_BYTES = 2**20
_MAX_MEMBERS = 10_000  # each takes 4 kB while the workbook is looked at
_DIRECTORY_ENTRY = b"PK\1\2"
_REFERENCE = re.compile("([A-Za-z]{0,9})([0-9]{1,19})", re.ASCII)
_MAX_DIGITS = 10  # of the index of a shared text
# The reader takes what is not well-formed too.
_OF_A_SHEET = re.compile(rb"sheetData|</(?:[^<>/]{1,40}:)?si\s*>")
_TAIL_BYTES = 64  # a tag may be cut at the end of a piece


def sheet_rows(chunks: Iterable[bytes], limit_bytes: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row of the first sheet and its number; the first row names the columns.

    The workbook may unpack to `limit_bytes`, and to 128 MiB at most. Raises `Unreadable`.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    with tempfile.TemporaryFile() as whole:
        spool(chunks, whole)
        _check_size(whole, min(limit_bytes, _MAX_SHEET_BYTES))
        try:
            book = CalamineWorkbook.from_filelike(whole)
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        except (CalamineError, IndexError, OSError, ValueError) as bad:
            raise Unreadable(f"The file cannot be read as an Excel workbook: {str(bad)[:200]}.") from bad
    header = [str(name).strip() for name in rows[0]] if rows else []
    while header and not header[-1]:
        header.pop()
    if not header or not all(header) or len({name.casefold() for name in header}) < len(header):
        raise Unreadable("row 1: the first row of the first sheet must name each column, and each name once.")
    for number, cells in enumerate(rows[1:], 2):
        if any(cell not in ("", None) for cell in cells):
            yield number, {name: _cell(cell) for name, cell in zip(header, cells, strict=False)}


def _cell(cell: Any) -> Any:
    """Convert a cell: whole numbers become integers, because Excel has one number type; dates, ISO 8601."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell


def _check_size(whole: IO[bytes], limit_bytes: int) -> None:
    """Unpack a workbook once, in pieces, and refuse it if it is too large for the reader."""
    _check_members(whole)
    total = 0
    extents: list[_Extent] = []
    try:
        with zipfile.ZipFile(whole) as packed:
            for member in packed.infolist():
                extent = _Extent()
                extents.append(extent)
                with packed.open(member) as content:
                    while piece := content.read(_PIECE_BYTES):
                        total += len(piece)
                        if total > limit_bytes:
                            raise Unreadable(
                                f"The workbook unpacks to more than {limit_bytes} bytes, the limit for its "
                                "size. Save it as .csv."
                            )
                        extent.feed(piece)
    except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, zlib.error) as bad:
        raise Unreadable(f"The file cannot be read as an Excel workbook: {str(bad)[:200]}.") from bad
    _check_texts(extents)
    whole.seek(0)


def _check_members(whole: IO[bytes]) -> None:
    """Refuse a workbook with too many members, before their directory is read into memory."""
    members, tail = 0, b""
    while piece := whole.read(_PIECE_BYTES):
        members += (tail + piece).count(_DIRECTORY_ENTRY)
        tail = piece[1 - len(_DIRECTORY_ENTRY) :]
        if members > _MAX_MEMBERS:
            raise Unreadable(f"The workbook has more than {_MAX_MEMBERS} parts. Save it as .csv.")
    whole.seek(0)


def _check_texts(extents: list["_Extent"]) -> None:
    """Refuse a workbook whose cells repeat shared texts too often: the reader copies a text to each cell."""
    sizes = list(map(max, zip_longest(*(extent.shared for extent in extents), fillvalue=0)))
    for extent in extents:
        if sum(sizes[index] for index in extent.referred if index < len(sizes)) > _MAX_SHEET_BYTES:
            raise Unreadable(
                f"The texts of a sheet's cells have more than {_MAX_SHEET_BYTES} characters. Save it as .csv."
            )


class _Extent:
    """Finds the last row and column of a sheet by its cells' references, or by counting if they have none.

    Afterwards `shared` has the length of each text that cells can refer to, and `referred` the index of such
    a text for each cell that does. A workbook has them in different members.
    """

    def __init__(self) -> None:
        self.shared = array("Q")
        self.referred = array("Q")
        self._refers = False
        self._text: list[str] = []
        self._tail = b""
        self._parser = ParserCreate()
        self._parser.buffer_text = True  # or each character reference is a text of its own, of 80 bytes
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._is_xml = True
        self._row = self._rows = 1
        self._column = self._columns = 0

    def feed(self, piece: bytes) -> None:
        """Scan the next piece of a member. Raises `Unreadable` if the sheet has too many cells."""
        if self._is_xml:
            try:
                self._parser.Parse(piece)
            except ExpatError:
                self._is_xml = False  # such as a picture
        if not self._is_xml and _OF_A_SHEET.search(self._tail + piece):
            raise Unreadable("A sheet of the workbook is not well-formed XML. Save it again, or as .csv.")
        self._tail = piece[-_TAIL_BYTES:]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "si" or (name == "v" and self._refers):
            self._text = []
            self._parser.CharacterDataHandler = self._text.append
        if name not in ("row", "c"):
            return
        self._refers = attributes.get("t") == "s"
        reference = _REFERENCE.fullmatch(attributes.get("r", ""))
        if reference:
            self._row = max(self._row, int(reference[2]))
        if name == "c":
            self._column = max(self._column + 1, _number_of(reference[1]) if reference else 0)
        self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
        if self._rows * self._columns > _MAX_CELLS:
            raise Unreadable(
                f"A sheet extends to row {self._rows} and column {self._columns}; the limit is {_MAX_CELLS} "
                "cells, including empty ones. Delete the cells outside the table, or save it as .csv."
            )

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "row":
            self._row, self._column = self._row + 1, 0
        elif name == "si":
            self.shared.append(sum(map(len, self._text)))
            self._parser.CharacterDataHandler = None
        elif name == "v" and self._refers:
            index = "".join(self._text).strip()
            if index.isdecimal() and len(index) < _MAX_DIGITS:
                self.referred.append(int(index))
            self._parser.CharacterDataHandler = None


def _number_of(letters: str) -> int:
    """Return the number of a column: 1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number

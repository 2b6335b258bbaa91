"""Rows of Parquet files and Excel workbooks, which can only be read whole."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from arro3.io import read_parquet
from python_calamine import CalamineError, CalamineWorkbook

from service.dataset.convert.problems import Unreadable

# A whole batch is in memory at once, and a row may hold a long conversation.
_PARQUET_ROWS = 256
# The reader holds a sheet in memory several times over.
_MAX_SHEET_BYTES = 128 * 2**20
_PIECE_BYTES = 2**20


def parquet_rows(chunks: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row and its number, counted from 1."""
    with tempfile.TemporaryFile() as whole:
        _write(chunks, whole)
        try:
            number = 0
            for batch in read_parquet(whole, batch_size=_PARQUET_ROWS):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(batch.column_names, cells, strict=True))
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as bad:
            # The reader panics on files that are not Parquet, and its panics do not derive from `Exception`.
            raise Unreadable(f"The file is not Parquet that can be read: {str(bad)[:200]}.") from bad


def sheet_rows(chunks: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row of the first sheet and its number in the sheet; the first row names the columns."""
    with tempfile.TemporaryFile() as whole:
        _write(chunks, whole)
        _check_size(whole)
        try:
            book = CalamineWorkbook.from_filelike(whole)
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        except (CalamineError, IndexError, OSError, ValueError) as bad:
            raise Unreadable(
                f"The file is not an Excel workbook that can be read: {str(bad)[:200]}."
            ) from bad
    header = [str(name).strip() for name in rows[0]] if rows else []
    while header and not header[-1]:
        header.pop()
    if not header or not all(header) or len({name.casefold() for name in header}) < len(header):
        raise Unreadable("row 1: the first row of the first sheet must name each column, and each name once.")
    for number, cells in enumerate(rows[1:], 2):
        if any(cell not in ("", None) for cell in cells):
            yield number, {name: _cell(cell) for name, cell in zip(header, cells, strict=False)}


def _cell(cell: Any) -> Any:
    """Excel has one kind of number, so a whole one is read as an integer; moments become ISO 8601."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell


def _check_size(whole: IO[bytes]) -> None:
    """Refuse a workbook that unpacks to more than the limit, by unpacking it once in pieces."""
    total = 0
    try:
        with zipfile.ZipFile(whole) as packed:
            for member in packed.infolist():
                with packed.open(member) as content:
                    while piece := content.read(_PIECE_BYTES):
                        total += len(piece)
                        if total > _MAX_SHEET_BYTES:
                            raise Unreadable(
                                f"The workbook unpacks to over {_MAX_SHEET_BYTES} bytes. Save it as .csv."
                            )
    except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, zlib.error) as bad:
        raise Unreadable(f"The file is not an Excel workbook that can be read: {str(bad)[:200]}.") from bad
    whole.seek(0)


def _write(chunks: Iterable[bytes], whole: IO[bytes]) -> None:
    for chunk in chunks:
        whole.write(chunk)
    whole.seek(0)

"""Reports as files for spreadsheets."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fastapi import Request, Response

# What a spreadsheet would take for a formula when it stands first in a cell.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV (RFC 4180) with a header; text that looks like a formula gets a quote before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return out.getvalue()


def wants_csv(request: Request, format: str | None) -> bool:
    """Whether a caller asked for CSV, by parameter or by header."""
    return format == "csv" or (format is None and "text/csv" in request.headers.get("accept", ""))


def csv_response(filename: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """The rows as a CSV file to be saved under that name."""
    headers = {"content-disposition": f'attachment; filename="{filename}"'}
    return Response(to_csv(columns, rows), media_type="text/csv", headers=headers)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text

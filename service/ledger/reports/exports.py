"""Write reports as CSV for spreadsheets."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fastapi import Request, Response

# Spreadsheets read a cell as a formula when it starts with one of these (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as CSV (RFC 4180) with a header. Text that could run as a formula gets a leading quote."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return out.getvalue()


def wants(request: Request, media_type: str, format: str | None) -> bool:
    """Whether the caller asks for a media type, by the `format` parameter or the Accept header."""
    if format is not None:
        return media_type == f"text/{format}"
    return media_type in request.headers.get("accept", "")


def wants_csv(request: Request, format: str | None) -> bool:
    """Whether the caller asks for CSV."""
    return wants(request, "text/csv", format)


def csv_response(filename: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """Return the rows as a CSV file to download as `filename`."""
    headers = {"content-disposition": f'attachment; filename="{filename}"'}
    return Response(to_csv(columns, rows), media_type="text/csv", headers=headers)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if _may_run(text) else text


def _may_run(text: str) -> bool:
    """Whether a spreadsheet could read the cell as a formula.

    Importers skip leading blanks, controls and invisible characters, and some read full-width signs (`＝`) as
    ASCII. A leading control character always counts, because none of our data starts with one.
    """
    if not text or _NUMBER.fullmatch(text):
        return False
    if unicodedata.category(text[0]) == "Cc":
        return True
    visible = next((char for char in text if unicodedata.category(char)[0] not in "ZC"), "")
    return unicodedata.normalize("NFKC", visible).startswith(_FORMULA_STARTS)

"""The same rows in each kind of file that people upload."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from arro3.io import infer_json_schema, read_json, write_parquet
from backports import zstd

from tests.dataset.examples import jsonl

Rows = list[dict[str, Any]]


def as_csv(rows: Rows, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([cell if isinstance(cell, str) else json.dumps(cell) for cell in row.values()])
    return out.getvalue().encode()


def as_parquet(rows: Rows) -> bytes:
    lines, out = jsonl(rows), io.BytesIO()
    write_parquet(read_json(io.BytesIO(lines), infer_json_schema(io.BytesIO(lines))), out)
    return out.getvalue()


def as_xlsx(rows: list[list[Any]]) -> bytes:
    """A workbook of one sheet with its texts inline."""

    def cell(value: Any) -> str:
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'

    return workbook("".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows))


def workbook(rows: str, texts: str = "") -> bytes:
    """A workbook whose one sheet holds the XML of `rows`, and its shared texts that of `texts`."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}"/>',
        "_rels/.rels": f'<Relationships xmlns="{rels}"><Relationship Id="r" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" sheetId="1" '
        'r:id="r"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{rels}"><Relationship Id="r" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="t" '
        f'Type="{office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{texts}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return out.getvalue()


def sheet(rows: Rows) -> bytes:
    cells = [[cell if isinstance(cell, str) else json.dumps(cell) for cell in row.values()] for row in rows]
    return as_xlsx([list(rows[0]), *cells])


CONTAINERS: dict[str, Callable[[Rows], bytes]] = {
    "a.jsonl": jsonl,
    "array.json": lambda rows: json.dumps(rows).encode(),
    "pretty.json": lambda rows: json.dumps(rows, indent=2).encode(),
    "pretty.jsonl": lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows).encode(),
    "utf16.jsonl": lambda rows: jsonl(rows).decode().encode("utf-16"),
    "a.csv": as_csv,
    "semicolons.csv": lambda rows: as_csv(rows, ";"),
    "utf16.csv": lambda rows: as_csv(rows).decode().encode("utf-16-le"),
    "a.tsv": lambda rows: as_csv(rows, "\t"),
    "a.xlsx": sheet,
    "a.parquet": as_parquet,
    "a.csv.gz": lambda rows: gzip.compress(as_csv(rows)),
    "a.jsonl.zst": lambda rows: zstd.compress(jsonl(rows)),
    "table.txt": as_csv,
}

"""Detect a file's compression and layout (JSON lines, other JSON, a table) by its name and first bytes."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

from service.dataset.convert.problems import Unreadable
from service.dataset.convert.unpack import Packing

HEAD_BYTES = 64 * 2**10


class Layout(StrEnum):
    """The layout of examples in a file."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    XLSX = "xlsx"


@dataclass(frozen=True)
class Source:
    """A file's compression, layout and encoding, and its name after conversion to JSON lines."""

    packing: Packing
    layout: Layout
    jsonl_name: str
    encoding: str = "utf-8"

    @property
    def is_jsonl(self) -> bool:
        """Return whether its lines can be checked without conversion."""
        return (self.packing, self.layout, self.encoding) == (Packing.NONE, Layout.JSONL, "utf-8")


_ENDINGS = {f".{layout}": layout for layout in Layout if layout is not Layout.JSONL}


def source_of(filename: str) -> Source:
    """Return the source by its name: `train.csv.gz` is a compressed table; other endings are JSON lines."""
    path = PurePosixPath(filename)
    packing = Packing.NONE
    if path.suffix.lower() in (".gz", ".zst"):
        packing, path = Packing(path.suffix[1:].lower()), path.with_suffix("")
    layout = _ENDINGS.get(path.suffix.lower(), Layout.JSONL)
    name = path.name if layout is Layout.JSONL else path.with_suffix(".jsonl").name
    return Source(packing, layout, name)


def surveyed(source: Source, head: bytes) -> Source:
    """Return the source, corrected by its first 64 KiB. Raises `Unreadable` if it cannot be converted."""
    if source.packing is Packing.NONE:
        if head.startswith(b"\x1f\x8b"):
            return replace(source, packing=Packing.GZIP)
        if head.startswith(b"\x28\xb5\x2f\xfd"):
            return replace(source, packing=Packing.ZSTD)
        return unpacked_source(source, head)
    return source


def unpacked_source(source: Source, head: bytes) -> Source:
    """Return the source, corrected by the first unpacked bytes. Raises `Unreadable`."""
    if head.startswith(b"PAR1"):
        return replace(source, layout=Layout.PARQUET)
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head or b"xl/" in head:
            return replace(source, layout=Layout.XLSX)
        raise Unreadable(
            "The file is a ZIP archive. Upload the file inside it, or compress it as .gz or .zst."
        )
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("The file is an old Excel workbook (.xls). Save it as .xlsx or .csv.")
    if source.layout in (Layout.PARQUET, Layout.XLSX):
        return source
    encoding = _encoding_of(head)
    source = replace(source, encoding=encoding)
    if source.layout in (Layout.JSONL, Layout.JSON):
        text = head[: len(head) // 4 * 4].decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
        return replace(source, layout=_json_layout(text))
    return source


def _encoding_of(head: bytes) -> str:
    """Detect UTF-16 by its byte order mark, or by the zero bytes of ASCII letters; else UTF-8."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = head[:64]
    if len(start) >= 4 and not any(start[1::2]) and all(start[:16:2]):
        return "utf-16-le"
    if len(start) >= 4 and not any(start[::2]) and all(start[1:16:2]):
        return "utf-16-be"
    return "utf-8"


def _json_layout(text: str) -> Layout:
    """Distinguish JSON lines from values over several lines: an array, or pretty-printed objects."""
    text = text.lstrip()
    if text.startswith("["):
        return Layout.JSON
    first, _, rest = text.partition("\n")
    if not text.startswith("{") or not rest.strip():
        return Layout.JSONL
    if _ends_open(first) and not _is_object(rest.lstrip().partition("\n")[0]):
        return Layout.JSON
    return Layout.JSONL


def _ends_open(line: str) -> bool:
    """Return whether the line is valid JSON, possibly cut short."""
    try:
        json.loads(line)
    except json.JSONDecodeError as bad:
        return bad.pos >= len(line.rstrip())
    except (ValueError, RecursionError):
        return False
    return False


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False

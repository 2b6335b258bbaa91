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
    """A file's compression, layout and encoding, and its name after conversion to JSON lines.

    `line_end` is a carriage return in files of old Macs, which have no line feeds.
    """

    packing: Packing
    layout: Layout
    jsonl_name: str
    encoding: str = "utf-8"
    line_end: str = "\n"

    @property
    def is_jsonl(self) -> bool:
        """Return whether its lines can be checked without conversion."""
        plain = self.encoding == "utf-8" and self.line_end == "\n"
        return plain and self.packing is Packing.NONE and self.layout is Layout.JSONL


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
    text = head[: len(head) // 4 * 4].decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    line_end = "\r" if "\r" in text and "\n" not in text else "\n"
    source = replace(source, encoding=encoding, line_end=line_end)
    if source.layout in (Layout.JSONL, Layout.JSON):
        return replace(source, layout=_json_layout(text.replace(line_end, "\n")))
    return source


def _encoding_of(head: bytes) -> str:
    """Detect UTF-16 and UTF-32 by their byte order marks, UTF-16 also by the zero bytes of ASCII letters."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    first, second = head[:64:2], head[1:64:2]
    if second.count(0) * 2 > len(second) > 1 and 0 not in first:
        return "utf-16-le"
    return "utf-16-be" if first.count(0) * 2 > len(first) > 1 and 0 not in second else "utf-8"


def _json_layout(text: str) -> Layout:
    """Distinguish JSON lines from values over several lines: an array, or pretty-printed objects."""
    text = text.lstrip()
    first, _, rest = text.partition("\n")
    if text.startswith("["):
        # A list on each line is JSON lines, whose check explains that each must be an object.
        return Layout.JSONL if rest.startswith("[") else Layout.JSON
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

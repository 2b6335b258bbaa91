"""The way of an upload: recognised by its first bytes, converted if need be, checked."""

import json
from typing import Any

from service.dataset.check.checker import check
from service.dataset.convert.pipeline import Conversion, Options, source_within
from service.dataset.convert.sources import source_of
from service.dataset.report import CheckReport
from service.dataset.warnings.finder import WarningFinder


def uploaded(data: bytes, filename: str, format_name: str | None = None) -> tuple[CheckReport, bytes]:
    """Return the report of an upload, and the JSON lines that are stored."""
    source = source_within([data], source_of(filename), format_name)
    report = check([data], format_name=format_name, finder=WarningFinder()) if source.is_jsonl else None
    if report is not None and not report.normalised:
        return report, data
    made = Conversion([data], source, len(data), Options(to=format_name))
    stored = b"".join(made)
    found = check(
        [stored], format_name=format_name, finder=WarningFinder(), source_lines=made.lines, notes=made.notes
    )
    return found, stored


def examples(data: bytes, filename: str, format_name: str | None = None) -> list[Any]:
    report, stored = uploaded(data, filename, format_name)
    assert report.passed, report.errors
    return [json.loads(line) for line in stored.splitlines()]

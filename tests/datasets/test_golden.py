"""Golden files: one per format with its whole report, one per error with all that is said of it.

After a change that is meant, `GOLDEN=write pytest tests/datasets/test_golden.py` writes what is said now.
"""

import os
from pathlib import Path

import msgspec
import pytest

from service.datasets.check import check
from service.datasets.formats.detect import FORMATS

GOLDEN = Path(__file__).parent / "golden"
FORMAT_FILES = sorted((GOLDEN / "formats").glob("*.jsonl"))
ERROR_FILES = sorted((GOLDEN / "errors").glob("*.jsonl"))


def agrees(said: str, golden: Path) -> bool:
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(said)
    return said == golden.read_text()


@pytest.mark.parametrize("path", FORMAT_FILES, ids=lambda path: path.stem)
def test_the_report_on_each_format_is_the_golden_one(path: Path) -> None:
    found = check([path.read_bytes()])
    assert (found.format, found.errors) == (path.stem, [])
    said = msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
    assert agrees(said, path.with_suffix(".report.json"))


@pytest.mark.parametrize("path", ERROR_FILES, ids=lambda path: path.stem)
def test_each_error_is_said_in_the_golden_words(path: Path) -> None:
    found = check([path.read_bytes()])
    assert found.error_count == len(found.errors) > 0
    said = "".join(f"{error.code}: {error}\n" for error in found.errors)
    assert agrees(said, path.with_suffix(".txt"))


def test_every_format_has_a_golden_file() -> None:
    assert [path.stem for path in FORMAT_FILES] == sorted(FORMATS)

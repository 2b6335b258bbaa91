"""Golden files: one per format with its whole report, one per error with all that is said of it.

After a change that is meant, `GOLDEN=write pytest tests/dataset/test_golden.py` writes what is said now.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from service.dataset import problems
from service.dataset.check.checker import check
from service.dataset.formats import images
from service.dataset.formats.detect import FORMATS
from service.dataset.formats.reinforcement import MAX_EXAMPLES
from service.dataset.lines import MAX_LINE_BYTES

GOLDEN = Path(__file__).parent / "golden"
FORMAT_FILES = sorted((GOLDEN / "formats").glob("*.jsonl"))
ERROR_FILES = sorted((GOLDEN / "errors").glob("*.jsonl"))


def filled(count: int) -> Iterator[bytes]:
    """Lines without a flaw."""
    return (CHAT % number for number in range(count))


CHAT = b'{"messages":[{"role":"user","content":"%d?"},{"role":"assistant","content":"Yes."}]}\n'
ASKED = b'{"messages":[{"role":"user","content":"%d?"}],"reference":"Yes."}\n'
PICTURED = (
    b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":'
    b'"data:image/png;base64,%s"}}]},{"role":"assistant","content":"Yes."}]}\n'
)
# Files too large to keep: what makes them, by the name of the golden file.
MADE: dict[str, Callable[[], Iterable[bytes]]] = {
    "image_too_large": lambda: [*filled(10), PICTURED % (b"A" * (images.MAX_BYTES * 4 // 3 + 8))],
    "line_too_long": lambda: [*filled(10), b'{"a":"', *([bytes(2**20)] * (MAX_LINE_BYTES // 2**20)), b'"}'],
    "too_many_examples": lambda: (ASKED % number for number in range(MAX_EXAMPLES + 1)),
}


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


@pytest.mark.parametrize("name", MADE)
def test_each_error_of_a_large_file_is_said_in_the_golden_words(name: str) -> None:
    found = check(MADE[name]())
    assert found.error_count == len(found.errors) > 0
    said = "".join(f"{error.code}: {error}\n" for error in found.errors)
    assert agrees(said, GOLDEN / "errors" / f"{name}.txt")


def test_every_error_there_is_has_a_golden_file() -> None:
    (listed,) = re.findall(r"Codes: (.*?)\. Warnings", str(problems.__doc__), re.DOTALL)
    said = {
        line.split(":")[0]
        for path in (GOLDEN / "errors").glob("*.txt")
        for line in path.read_text().splitlines()
    }
    assert said == set(re.findall(r"`(\w+)`", listed))


def test_every_format_has_a_golden_file() -> None:
    assert [path.stem for path in FORMAT_FILES] == sorted(FORMATS)

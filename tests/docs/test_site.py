"""The documentation's pages can be found, and are written in the words that readers know."""

import re
import tomllib
from pathlib import Path

import pytest

from docs.site.__main__ import write

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "site" not in path.relative_to(DOCS).parts)
WRITTEN = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]

# Words of an older way of writing, which slow readers down.
BANNED = re.compile(
    r"\banew\b|\bin earnest\b|\b[Ww]hoever\b|\b[Nn]obody knows\b|\b[Tt]ells? of\b|\btold of\b"
    r"|\bgiven a rest\b|\bno longer there\b|\b[Ww]hatever comes\b|\bis had\b"
)


def test_every_page_is_in_the_navigation() -> None:
    navigation = str(tomllib.loads((DOCS / "zensical.toml").read_text())["project"]["nav"])
    shown = [str(path.relative_to(DOCS)) for path in PAGES if path.parent.name != "decisions"]

    assert [page for page in shown if f"'{page}'" not in navigation] == []


def test_every_link_to_a_file_leads_to_one(tmp_path: Path) -> None:
    write(tmp_path)

    dead = [
        f"{page.relative_to(tmp_path)}: {link}"
        for page in tmp_path.rglob("*.md")
        for link in re.findall(r"\]\((?!\w+:)([^)#\s]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_written_in_plain_words(page: Path) -> None:
    found = [line for line in page.read_text().splitlines() if BANNED.search(line)]
    assert found == []


def test_a_page_in_chinese_exists_for_each_first_page() -> None:
    assert {path.name for path in (DOCS / "zh").iterdir()} == {
        "index.md",
        "key.md",
        "run.md",
        "csv-to-model.md",
    }

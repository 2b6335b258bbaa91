"""The floors in docs/architecture.md are the linter's."""

import re
import tomllib

from tests.e2e.sources import ROOT


def test_the_floors_of_the_architecture_page_are_those_that_the_linter_enforces() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = settings["tool"]["importlinter"]["contracts"][0]
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawing = page.split("## Layers", 1)[1].split("```")[1].strip().splitlines()
    assert [re.split(r"\s{2,}", line)[0] for line in drawing] == contract["layers"]

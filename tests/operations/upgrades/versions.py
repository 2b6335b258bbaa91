"""Versions of Tunehouse to run side by side: this one, the one before from git, and one that follows."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from migrations import REVISION
from tests.operations.servers import program
from tests.support.processes import ROOT, Api, Process, Worker

CODE = ("service", "worker", "trainer", "migrations")
_FILES = (*CODE, "pyproject.toml", "uv.lock", "README.md", "LICENSE")
_SCHEMA = (
    "migrations/initial",
    "migrations/versions",
    "migrations/rights.sql",
    ":(glob)service/**/*.sql",
)
_EXAMPLE = Path(__file__).with_name("example.py")
Kind = TypeVar("Kind", bound=Process)
_SETTINGS = (
    "import json; from service.settings import Settings; print(json.dumps(list(Settings.model_fields)))"
)


@dataclass(frozen=True)
class Version:
    """Code in a folder, and the Python whose environment has its dependencies."""

    folder: Path
    python: str

    def api(self, env: Mapping[str, str], logs: Path, port: int) -> Api:
        """An api of this version."""
        return self._of(Api(self._env(env), logs, port))

    def worker(self, env: Mapping[str, str], logs: Path) -> Worker:
        """A worker of this version."""
        return self._of(Worker(self._env(env), logs))

    def migrate(self, env: Mapping[str, str]) -> None:
        """Run `tunehouse migrate`."""
        self._run("-m", "service.cli", "migrate", env=self._env(env))

    def _of(self, process: Kind) -> Kind:
        process.argv[0] = self.python
        return process

    def _env(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the settings that this version knows: it refuses all others."""
        known = json.loads(self._run("-c", _SETTINGS, env={"PYTHONPATH": str(self.folder)}))
        names = {f"TUNEHOUSE_{name.upper()}" for name in known}
        return {name: value for name, value in env.items() if name in names} | {
            "PYTHONPATH": str(self.folder)
        }

    def _run(self, *words: str, env: Mapping[str, str]) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TUNEHOUSE_")}
        argv = [self.python, "-P", *words]
        done = subprocess.run(argv, env=clean | env, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def this_version() -> Version:
    """The code under test."""
    return Version(ROOT, sys.executable)


def next_version(folder: Path) -> Version:
    """A copy of this version with one migration more, with which this version works."""
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_EXAMPLE, folder / "migrations" / "versions" / "0002_example.py")
    package = folder / "migrations" / "__init__.py"
    package.write_text(package.read_text().replace(f'"{REVISION}"', '"0002"'))
    return Version(folder, sys.executable)


def version_before(folder: Path) -> Version:
    """The version before this one, with an environment from its own lock if that differs from ours.

    It is the newest tag before this commit, or what `TUNEHOUSE_PREVIOUS_REVISION` names. Before the first tag
    it is the commit before, and the test is skipped if the schema has been changed in place since.
    """
    revision = os.environ.get("TUNEHOUSE_PREVIOUS_REVISION") or _git(
        "describe", "--tags", "--abbrev=0", "HEAD^"
    )
    if revision is None:
        revision = _git("rev-parse", "HEAD^")
        if revision is None:
            pytest.skip("the version before is not known: this is no git checkout with its history")
        if _git("diff", "--quiet", revision, "--", *_SCHEMA) is None:
            pytest.skip("the schema was changed in place since the commit before: no version is released yet")
    _extract(revision, folder)
    if (folder / "uv.lock").read_bytes() == (ROOT / "uv.lock").read_bytes():
        return Version(folder, sys.executable)
    _install(folder)
    return Version(folder, str(folder / ".venv" / "bin" / "python"))


def _extract(revision: str, folder: Path) -> None:
    git = [program("git"), "-C", str(ROOT), "archive", revision, *_FILES]
    archive = subprocess.run(git, capture_output=True, check=True)
    folder.mkdir()
    subprocess.run([program("tar"), "-x", "-C", str(folder)], input=archive.stdout, check=True)


def _install(folder: Path) -> None:
    """Make the environment that the folder's own lock describes."""
    options = ["--frozen", "--no-dev", "--quiet", "--python", sys.executable]
    fetched = ROOT / ".cache" / "uv" / "bin" / "uv"  # by .ci/install
    uv = str(fetched) if fetched.exists() else program("uv")
    subprocess.run([uv, "sync", "--project", str(folder), *options], check=True)


def _git(*words: str) -> str | None:
    """Return what git prints, or None if it fails."""
    done = subprocess.run(
        [program("git"), "-C", str(ROOT), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None

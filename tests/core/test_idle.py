"""An idle api or worker is small: what only some requests or steps need is loaded with the first of them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_API = "import service.pages; service.pages.create_app()"
_WORKER = "import worker.app"
# Celery runs the worker. Its lane of webhooks has a client of its own.
_OF_THE_WORKER = {"celery", "kombu", "service.core.broker.application"}
# Made of the banned modules, or of no use to an idle process.
_LATE = {"httpx2", "httpx", "pyarrow", "boto3", "torch", "PIL", "yaml"}


def loaded(start: str) -> set[str]:
    """The modules that a process has loaded when it is ready."""
    code = f"import sys; {start}; print(*sys.modules, sep='\\n')"
    started = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(started.stdout.split())


def late() -> set[str]:
    """The modules that the linter keeps out of the heads of files."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    return set(rules["flake8-tidy-imports"]["banned-module-level-imports"]) | _LATE


@pytest.mark.parametrize(
    ("start", "needed", "at_most"),
    [(_API, set(), 1650), (_WORKER, {*_OF_THE_WORKER, "yaml", "httpcore2"}, 1450)],
    ids=["api", "worker"],
)
def test_a_process_starts_without_modules_that_it_may_never_need(
    start: str, needed: set[str], at_most: int
) -> None:
    modules = loaded(start)

    assert (late() - needed) & modules == set()
    assert len(modules) < at_most

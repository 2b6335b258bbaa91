"""An idle api or worker is small: what only some requests or steps need is loaded with the first of them."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTED = "import sys, worker.app, service.app; service.app.create_app(); print(*sys.modules, sep='\\n')"


def test_neither_api_nor_worker_starts_with_modules_that_they_may_never_need() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    late = set(rules["flake8-tidy-imports"]["banned-module-level-imports"])
    started = subprocess.run(
        [sys.executable, "-c", STARTED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert late & set(started.stdout.split()) == set()

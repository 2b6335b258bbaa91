"""Check the OpenAPI document with the linters, and make a Python and a TypeScript client from it."""

import json
import os
import subprocess
from pathlib import Path

from service.app import create_app
from tests.clients.runs import HERE, environments

RULES = HERE / "openapi"
NODE = HERE / "node"
_TYPESCRIPT = NODE / "generated"


def write_document(path: Path) -> Path:
    """Write the OpenAPI document of the service."""
    path.write_text(json.dumps(create_app().openapi()))
    return path


def make_python_client(document: Path, folder: Path) -> None:
    """Make the package `tunehouse_client` in a folder. Raises AssertionError on the generator's warnings."""
    generator = str(environments() / "newest" / "bin" / "openapi-python-client")
    options = ["--meta", "none", "--output-path", str(folder / "tunehouse_client"), "--fail-on-warning"]
    _run(generator, "generate", "--path", str(document), "--config", str(RULES / "generator.yaml"), *options)


def make_typescript_client(document: Path) -> None:
    """Make the types of the document, and compile the script that uses them, with strict types."""
    _run(_tool("openapi-typescript"), str(document), "--output", str(_TYPESCRIPT / "schema.d.ts"))
    _run(_tool("tsc"), "--project", str(NODE))


def lint_with_redocly(document: Path) -> None:
    """Raise AssertionError for a problem in the document, warnings included."""
    found = _run(
        _tool("redocly"), "lint", str(document), "--config", str(RULES / "redocly.yaml"), "--format", "json"
    )
    assert json.loads(found[found.index("{") :])["problems"] == []


def lint_with_spectral(document: Path) -> None:
    """Raise AssertionError for a problem in the document, hints included."""
    found = _run(
        _tool("spectral"),
        "lint",
        "--quiet",
        str(document),
        "--ruleset",
        str(RULES / "spectral.yaml"),
        "--format",
        "json",
    )
    assert json.loads(found) == []


def _tool(name: str) -> str:
    return str(NODE / "node_modules" / ".bin" / name)


def _run(*argv: str) -> str:
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(argv, env=os.environ | quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout

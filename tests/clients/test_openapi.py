"""The OpenAPI document keeps the default rules of Redocly and Spectral; exceptions stand in `openapi/`."""

from pathlib import Path

import pytest

from tests.clients.generate import lint_with_redocly, lint_with_spectral, write_document
from tests.clients.runs import HAS_NODE

pytestmark = pytest.mark.skipif(not HAS_NODE, reason="Node 20 with npm is not installed")


@pytest.fixture
def document(environment: dict[str, str], tmp_path: Path) -> Path:
    return write_document(tmp_path / "openapi.json")


def test_the_document_keeps_redoclys_rules(document: Path) -> None:
    lint_with_redocly(document)


def test_the_document_keeps_spectrals_rules(document: Path) -> None:
    lint_with_spectral(document)

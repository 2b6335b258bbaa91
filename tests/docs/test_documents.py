"""What the documents show to run, runs, and prints what they say."""

import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of, output_of, script_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = [path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))] if blocks_of(path)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_shows_runs_and_prints_what_it_says(document: Path, reader: dict[str, str]) -> None:
    blocks = blocks_of(document)

    argv = ["/bin/bash", "-c", script_of(blocks)]
    done = subprocess.run(
        argv, check=False, env=reader, cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number, block in enumerate(blocks):
        for line in block.prints:
            assert line in output_of(number, done.stdout)

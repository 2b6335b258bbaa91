"""The runnable parts of a document: ```bash run, ```python run, and the ```text prints that follow them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(
    r"^```(?:(?P<language>bash|python) run|text (?P<prints>prints))\n(?P<body>.*?)^```$", re.M | re.S
)
_MARK = "=== block {} ==="


@dataclass
class Block:
    """One runnable block and the pieces of text its output must hold."""

    language: str
    body: str
    prints: list[str] = field(default_factory=list)


def blocks_of(document: Path) -> list[Block]:
    """A document's runnable blocks, in order."""
    found: list[Block] = []
    for fence in _FENCE.finditer(document.read_text()):
        if fence["prints"]:
            found[-1].prints += fence["body"].splitlines()
        else:
            found.append(Block(fence["language"], fence["body"]))
    return found


def script_of(blocks: list[Block]) -> str:
    """All blocks as one bash script, so that later ones see what earlier ones exported."""
    lines = ["set -euo pipefail"]
    for number, block in enumerate(blocks):
        lines.append(f"echo; echo '{_MARK.format(number)}'")
        body = (
            block.body
            if block.language == "bash"
            else f"python - <<'END OF BLOCK'\n{block.body}END OF BLOCK\n"
        )
        lines.append(body)
    return "\n".join(lines)


def output_of(number: int, output: str) -> str:
    """What block `number` printed."""
    return output.partition(_MARK.format(number))[2].partition(_MARK.format(number + 1))[0]

"""The runnable parts of a document: ```bash run, ```python run, and the ```text prints that follow them.

A ```python more block goes on with the program of the one before it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(
    r"^```(?:(?P<language>bash|python) (?:run|(?P<more>more))|text (?P<prints>prints))\n(?P<body>.*?)^```$",
    re.M | re.S,
)
_MARK = "=== block {} ==="
_END = "END OF BLOCK\n"


@dataclass
class Block:
    """One runnable block and the pieces of text its output must hold."""

    language: str
    body: str
    goes_on: bool = False
    prints: list[str] = field(default_factory=list)


def blocks_of(document: Path) -> list[Block]:
    """A document's runnable blocks, in order."""
    found: list[Block] = []
    for fence in _FENCE.finditer(document.read_text()):
        if fence["prints"]:
            found[-1].prints += fence["body"].splitlines()
        else:
            found.append(Block(fence["language"], fence["body"], goes_on=bool(fence["more"])))
    return found


def script_of(blocks: list[Block]) -> str:
    """All blocks as one bash script, so that later ones see what earlier ones exported."""
    lines = ["set -euo pipefail"]
    for number, block in enumerate(blocks):
        mark = _MARK.format(number)
        if block.goes_on:
            lines[-1] = lines[-1].removesuffix(_END) + f"print('\\n{mark}')\n{block.body}{_END}"
        elif block.language == "python":
            lines += [f"echo; echo '{mark}'", f"python - <<'{_END.strip()}'\n{block.body}{_END}"]
        else:
            lines += [f"echo; echo '{mark}'", block.body]
    return "\n".join(lines)


def output_of(number: int, output: str) -> str:
    """What block `number` printed."""
    return output.partition(_MARK.format(number))[2].partition(_MARK.format(number + 1))[0]

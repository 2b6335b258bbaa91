"""Read a few lines from the middle of a large file."""

from collections.abc import Iterable
from dataclasses import dataclass

_NEIGHBOURS = 1
_LONGEST_BYTES = 4096
_FURTHEST_BYTES = 256 * 2**20  # reading takes about a second


@dataclass(frozen=True)
class ShownLine:
    """A line of a file; `is_cut` if it is longer than what is shown."""

    number: int
    text: str
    is_cut: bool


def lines_around(chunks: Iterable[bytes], number: int) -> list[ShownLine]:
    """Return a line and its neighbours; nothing if it lies too far into the file."""
    first, last = max(1, number - _NEIGHBOURS), number + _NEIGHBOURS
    kept = {wanted: bytearray() for wanted in range(first, last + 1)}
    cut: set[int] = set()
    at, read_bytes = 1, 0
    for chunk in chunks:
        read_bytes += len(chunk)
        parts = chunk.split(b"\n")
        for place, part in enumerate(parts):
            at += place > 0
            if at in kept:
                room = _LONGEST_BYTES - len(kept[at])
                kept[at] += part[:room]
                if len(part) > room:
                    cut.add(at)
        if at > last or read_bytes > _FURTHEST_BYTES:
            break
    return [
        ShownLine(wanted, text.decode("utf-8", "replace"), wanted in cut)
        for wanted, text in kept.items()
        if text
    ]

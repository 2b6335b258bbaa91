"""Cut a stream of bytes into batches of whole lines, with bounded memory."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

BATCH_BYTES = 2 * 2**20
# Ten inline images of 4 MB each fit; a longer line would not fit a worker's memory several times over.
MAX_LINE_BYTES = 64 * 2**20
_BOM = b"\xef\xbb\xbf"


class Batch(NamedTuple):
    """Some whole lines without their newlines; `first` is the number of the first, counted from 1.

    None stands in for a line over `MAX_LINE_BYTES`, whose bytes are not kept.
    """

    first: int
    lines: list[bytes | None]


def batches(chunks: Iterable[bytes], batch_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Batches of about `batch_bytes`, whatever the sizes of `chunks`; a byte order mark is left out.

    A newline that ends the last line starts no other line.
    """
    number = 1
    for block in _blocks(chunks, batch_bytes):
        lines: list[bytes | None] = [None] if block is None else list(block.split(b"\n"))
        if block is not None and block.endswith(b"\n"):
            lines.pop()
        if number == 1 and lines and lines[0] is not None:
            lines[0] = lines[0].removeprefix(_BOM)
        yield Batch(number, lines)
        number += len(lines)


def _blocks(chunks: Iterable[bytes], batch_bytes: int) -> Iterator[bytes | None]:
    """Runs of whole lines, each but perhaps the last ending in a newline; None for a line too long."""
    held: list[bytes] = []
    held_bytes = 0
    skipping = False
    for chunk in chunks:
        rest = chunk
        if skipping:
            end = rest.find(b"\n")
            if end < 0:
                continue
            rest, skipping = rest[end + 1 :], False
            yield None
        end = rest.rfind(b"\n") + 1
        if end and held_bytes + end >= batch_bytes:
            yield b"".join((*held, rest[:end]))
            held, held_bytes, rest = [], 0, rest[end:]
        held.append(rest)
        held_bytes += len(rest)
        if held_bytes > MAX_LINE_BYTES:
            whole = b"".join(held)
            held, held_bytes = [], 0
            end = whole.rfind(b"\n") + 1
            if end:
                yield whole[:end]
            if len(whole) - end > MAX_LINE_BYTES:
                skipping = True
            else:
                held, held_bytes = [whole[end:]], len(whole) - end
    if skipping:
        yield None
    elif held_bytes:
        yield b"".join(held)

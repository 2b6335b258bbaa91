"""Split a stream of bytes into batches of whole lines, with bounded memory."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import NamedTuple

BATCH_BYTES = 2 * 2**20
# Room for ten inline images of 4 MB each; a worker holds a line in memory several times over.
MAX_LINE_BYTES = 64 * 2**20
_BOM = b"\xef\xbb\xbf"


class Batch(NamedTuple):
    """Whole lines without their newlines; `first` is the number of the first, from 1.

    A line longer than `MAX_LINE_BYTES` is None.
    """

    first: int
    lines: list[bytes | None]


def batches(chunks: Iterable[bytes], batch_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Yield batches of about `batch_bytes`, whatever the sizes of `chunks`, without a byte order mark.

    A newline at the end does not start another line.
    """
    number = 1
    for block in _blocks(chunks, batch_bytes):
        lines: list[bytes | None] = [None] if block is None else [*_lines_of(block)]
        if number == 1 and lines and lines[0] is not None:
            lines[0] = lines[0].removeprefix(_BOM)
        yield Batch(number, lines)
        number += len(lines)


def _lines_of(block: bytes) -> Iterator[bytes]:
    """Yield the lines. Reading takes a third of the time of `split`, which looks at each byte by itself."""
    return (line.removesuffix(b"\n") for line in BytesIO(block))


def _blocks(chunks: Iterable[bytes], batch_bytes: int) -> Iterator[bytes | None]:
    """Yield runs of whole lines with their newlines (the last may lack one); None for a line too long."""
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
            yield b"".join((*held, memoryview(rest)[:end]))
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

"""Keep a file of a format that cannot be read as a stream."""

from collections.abc import Iterable
from typing import IO


def spool(chunks: Iterable[bytes], whole: IO[bytes]) -> None:
    """Write `chunks` to a file and return to its beginning."""
    for chunk in chunks:
        whole.write(chunk)
    whole.seek(0)

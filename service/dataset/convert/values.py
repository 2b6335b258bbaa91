"""Split a JSON array, or pretty-printed objects, into values, as a stream."""

import re
from collections.abc import Iterable, Iterator

from service.dataset.convert.problems import Unreadable
from service.dataset.lines import MAX_LINE_BYTES

_MARK = re.compile(rb'["\\{}\[\]]')
_BETWEEN = b" \t\r\n,"
_BOM = b"\xef\xbb\xbf"


def values(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yields each value and its first line: the members of one array, or consecutive objects.

    Values are found by their brackets, without decoding. Raises `Unreadable` with the line.
    """
    cutter = _Cutter()
    for chunk in chunks:
        yield from cutter.feed(chunk)
    cutter.finish()


class _Cutter:
    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0  # how much of `_held` was scanned
        self._depth = 0
        self._in_string = False
        self._in_array = False
        self._ended = False
        self._begun = False
        self._start: int | None = None  # where the current value begins in `_held`
        self._line = 1

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        if not self._begun and chunk:
            chunk, self._begun = chunk.removeprefix(_BOM), True
        self._held += chunk
        while (mark := _MARK.search(self._held, self._at)) is not None:
            if mark.group() == b"\\" and self._in_string:
                if mark.end() == len(self._held):
                    self._at = mark.start()  # the escaped character is in the next chunk
                    return
                self._at = mark.end() + 1
                continue
            self._at = mark.end()
            value = self._step(mark.start(), mark.group())
            if value is not None:
                yield self._line, value
                self._drop(self._at)
        if self._start is None:
            self._expect_nothing(len(self._held))
            self._drop(len(self._held))
        else:
            self._at = len(self._held)
            if self._at - self._start > MAX_LINE_BYTES:
                raise Unreadable(f"line {self._line}: the value is longer than {MAX_LINE_BYTES} bytes.")

    def finish(self) -> None:
        if self._start is not None or self._in_array:
            raise Unreadable(f"line {self._line}: the JSON ends before its last bracket is closed.")

    def _step(self, at: int, mark: bytes) -> bytes | None:
        """Process one mark; return the value that it closes, if any."""
        if self._start is None:
            self._expect_nothing(at)
            self._drop(at)
            self._at = len(mark)
            self._open(mark)
            return None
        if mark == b'"':
            self._in_string = not self._in_string
        elif not self._in_string:
            self._depth += 1 if mark in b"{[" else -1
            if self._depth == 0:
                return bytes(self._held[self._start : self._at])
        return None

    def _open(self, mark: bytes) -> None:
        if mark == b"{" and not self._ended:
            self._start, self._depth = 0, 1
        elif mark == b"[" and not self._in_array and not self._ended:
            self._in_array = True
            self._drop(1)
        elif mark == b"]" and self._in_array:
            self._in_array, self._ended = False, True
            self._drop(1)
        else:
            raise Unreadable(f"line {self._line}: expected a JSON object, found {mark.decode()!r}.")

    def _expect_nothing(self, end: int) -> None:
        between = bytes(self._held[:end])
        if between.strip(_BETWEEN):
            line = self._line + between[: len(between) - len(between.lstrip(_BETWEEN))].count(b"\n")
            found = between.strip(_BETWEEN)[:20].decode("utf-8", "replace")
            raise Unreadable(f"line {line}: expected a JSON object, found {found!r}.")

    def _drop(self, end: int) -> None:
        self._line += self._held.count(b"\n", 0, end)
        del self._held[:end]
        self._at = 0
        self._start = None

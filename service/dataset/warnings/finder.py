"""Find warnings batch by batch during a check."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, compress
from typing import Any, NamedTuple

import msgspec
import numpy as np

from service.dataset.formats import batch_texts as kinds
from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.jsonline import read
from service.dataset.limits import MAX_EXAMPLE_TOKENS
from service.dataset.lines import Batch
from service.dataset.problems import Problem
from service.dataset.report import Truncation
from service.dataset.warnings.found import Warnings
from service.dataset.warnings.keys import U32, U64, KeyTable, pairs
from service.dataset.warnings.scan import Hit, masked, scan
from service.dataset.warnings.sketch import Sketcher
from service.dataset.warnings.styles import Styles

_ESCAPED_ASCII = re.compile(rb"\\u00[2-7][0-9a-fA-F]")
_HASH_BYTES = 8
_MOST_ROWS = 500_000
_TOLD_AT_ONCE = 1_000


class Rows(NamedTuple):
    """Hashes of a content's rows, and their lines; if very many, only those that end in `level` zero bits."""

    level: int
    hashes: U64
    lines: U32


class WarningFinder:
    """Finds the warnings of one check. Those with a code in `as_errors` are returned as errors instead.

    `limits` are the limits of tokens per example to warn about.
    """

    def __init__(
        self,
        as_errors: frozenset[str] = frozenset(),
        limits: frozenset[int] = frozenset({MAX_EXAMPLE_TOKENS}),
    ) -> None:
        self.limits = limits
        self.found = Warnings(as_errors)
        self._rows = KeyTable()
        self._bands = KeyTable()
        self._sketcher = Sketcher()
        self._styles = Styles()

    def look(self, batch: Batch, laid: BatchTexts) -> list[Problem]:
        """Search the valid lines of a batch; return warnings that the policy treats as errors."""
        rows = [row for row in (batch.lines[line - batch.first] for line in laid.lines) if row is not None]
        lines = np.array(laid.lines, np.uint32)
        self._rows.add(row_hashes(rows), lines)
        if rows:
            keys, owners = self._sketcher.keys(rows)
            self._bands.add(keys, lines[owners])
        self._scan(rows, laid.lines)
        self._styles.look(laid)
        self._compare_outputs(laid)
        for number, doubt in laid.doubts:
            self.found.on_line(laid.lines[number], doubt.path, doubt.code, doubt.message)
        return self.found.take_errors()

    def finish(self, truncations: Iterable[Truncation]) -> Iterator[Problem]:
        """Find warnings about the whole file; yield those that the policy treats as errors."""
        yield from self._repeats()
        for cut in truncations:
            if cut.examples and cut.limit in self.limits:
                self.found.of_file(
                    "truncated",
                    f"{cut.examples} examples are longer than {cut.limit} tokens, the limit of some models; "
                    f"{cut.tokens_lost} tokens would be cut off without an error.",
                )
            if cut.nothing_left and cut.limit in self.limits:
                self.found.of_file(
                    "nothing_left",
                    f"{cut.nothing_left} examples reach {cut.limit} tokens before their first answer, so "
                    "nothing in them would be trained. Shorten their prompts.",
                )
        self._styles.report(self.found)
        yield from self.found.take_errors()

    def rows(self) -> Rows:
        """Return hashes to compare the rows with those of other files."""
        hashes, lines = self._rows.arrays()
        level = self._rows.level
        while len(hashes) > _MOST_ROWS:
            level += 1
            chosen = (hashes & np.uint64(2**level - 1)) == 0
            hashes, lines = hashes[chosen], lines[chosen]
        return Rows(level, hashes, lines)

    def _scan(self, rows: list[bytes], lines: list[int]) -> None:
        rows = [plain_ascii(row) for row in rows]
        starts = list(accumulate((len(row) + 1 for row in rows), initial=0))
        reported: set[tuple[int, str]] = set()
        for hit in scan(b"\n".join(rows)):
            at = bisect_right(starts, hit.start) - 1
            if (at, hit.code) not in reported:
                reported.add((at, hit.code))
                wanted = self.found.wants(hit.code)
                path = _path_to(hit, rows[at]) if wanted else ""
                self.found.on_line(lines[at], path, hit.code, _SAID[hit.code](hit) if wanted else hit.what)

    def _compare_outputs(self, laid: BatchTexts) -> None:
        better, worse = (
            list(compress(laid.texts, laid.kinds.translate(bytes(kind == one for kind in range(256)))))
            for one in (kinds.PREFERRED, kinds.NON_PREFERRED)
        )
        if len(better) == len(worse) == len(laid.lines):
            for line, preferred, other in zip(laid.lines, better, worse, strict=True):
                if preferred.strip() == other.strip():
                    message = "equals the preferred output; the two must differ to teach a preference"
                    self.found.on_line(line, "non_preferred_output[0].content", "same_outputs", message)

    def _repeats(self) -> Iterator[Problem]:
        same, first = self._rows.repeats()
        yield from self._repetitions("duplicate", "repeats line {}", same, first)
        self._scale("duplicate", len(same), self._rows)
        near, like = self._bands.repeats()
        fresh = ~np.isin(near, same)
        near, like = near[fresh], like[fresh]
        yield from self._repetitions("near_duplicate", "is nearly the same as line {}", near, like)
        self._scale("near_duplicate", len(near), self._bands)

    def _repetitions(self, code: str, words: str, later: U32, first: U32) -> Iterator[Problem]:
        """Add a warning per line, in steps: ten million Python integers would fill the memory."""
        for start in range(0, len(later), _TOLD_AT_ONCE):
            if not self.found.wants(code):
                self.found.count(code, len(later) - start)
                return
            end = start + _TOLD_AT_ONCE
            for line, earlier in pairs(later[start:end], first[start:end]):
                self.found.on_line(line, "", code, words.format(self.found.line_of(earlier)))
            yield from self.found.take_errors()

    def _scale(self, code: str, seen: int, table: KeyTable) -> None:
        """Scale up the count of a very large file, of which only a sample of the keys is kept."""
        if seen and table.level:
            self.found.count(code, seen * (2**table.level - 1))


_SAID = {
    "secret": lambda hit: f"seems to contain a secret: {masked(hit)}",
    "personal_data": lambda hit: f"seems to contain {hit.what}: {masked(hit)}",
    "html": lambda hit: f"contains leftover HTML: {masked(hit)}",
    "control_characters": lambda hit: f"contains a control character: {masked(hit)}",
}


def plain_ascii(row: bytes) -> bytes:
    """Decode a row's `\\u` escapes of printable ASCII, which would hide a secret."""
    if b"\\u00" not in row or not _ESCAPED_ASCII.search(row):
        return row
    try:
        return msgspec.json.encode(msgspec.json.decode(row))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return row


def row_hashes(rows: list[bytes]) -> U64:
    """Return a 64-bit hash of each row, the same in every process and for both kinds of line ends."""
    digests = [hashlib.blake2b(row.rstrip(), digest_size=_HASH_BYTES).digest() for row in rows]
    return np.frombuffer(b"".join(digests), "<u8")


def _path_to(hit: Hit, row: bytes) -> str:
    """Return the hit's path in the example; empty when escapes hide it."""
    text = hit.text.decode("utf-8", "replace")
    return _find(read(row), text, "") or ""


def _find(value: Any, text: str, path: str) -> str | None:
    if isinstance(value, str):
        return path if text in value else None
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in places:
        step = f"[{name}]" if isinstance(name, int) else f".{name}" if path else name
        found = _find(item, text, path + step)
        if found is not None:
            return found
    return None

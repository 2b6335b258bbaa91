"""Find lines that share a 64-bit key, among many keys in bounded memory.

Up to `capacity`, all keys are kept; beyond that, only keys that end in one zero bit, then two, and so on. All
lines that share a kept key are still found, but only a half, a quarter, … of the keys are kept. Counts are
scaled up accordingly.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]
CAPACITY = 2_000_000


class KeyTable:
    """At most `capacity` keys with their lines: 12 bytes a pair, about 20 more during a search."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.level = 0
        self._capacity = capacity
        self._held = 0
        self._keys: list[U64] = []
        self._lines: list[U32] = []

    def add(self, keys: U64, lines: U32) -> None:
        """Add keys, whose low bits must be well mixed, and their lines in ascending order."""
        if self.level:
            chosen = (keys & np.uint64(2**self.level - 1)) == 0
            keys, lines = keys[chosen], lines[chosen]
        self._keys.append(keys)
        self._lines.append(lines)
        self._held += len(keys)
        while self._held > self._capacity:
            self._thin()

    def arrays(self) -> tuple[U64, U32]:
        """Return all kept keys and their lines, in the order added."""
        if not self._keys:
            return np.empty(0, np.uint64), np.empty(0, np.uint32)
        keys, lines = np.concatenate(self._keys), np.concatenate(self._lines)
        self._keys, self._lines = [keys], [lines]
        return keys, lines

    def links(self) -> tuple[U32, U32]:
        """Return lines that share a key with an earlier line, and for each the first line with that key."""
        keys, lines = self.arrays()
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        keys, lines = keys[order], lines[order]
        del order
        same = np.empty(len(keys), bool)
        same[:1] = False
        np.equal(keys[1:], keys[:-1], out=same[1:])
        del keys
        # The index where each run of equal keys begins; the sort is stable, so its line is the earliest.
        starts = np.arange(len(lines), dtype=np.uint32)
        starts[same] = 0
        np.maximum.accumulate(starts, out=starts)
        later, first = lines[same], lines[starts[same]]
        # One line may have the same key twice.
        other = later != first
        return later[other], first[other]

    def repeats(self) -> tuple[U32, U32]:
        """Return each such line once, in ascending order, with one earlier line that shares a key."""
        later, first = self.links()
        found, at = np.unique(later, return_index=True)
        return found, first[at]

    def _thin(self) -> None:
        keys, lines = self.arrays()
        self.level += 1
        chosen = (keys & np.uint64(2**self.level - 1)) == 0
        self._keys, self._lines = [keys[chosen]], [lines[chosen]]
        self._held = len(self._keys[0])


def pairs(later: U32, first: U32) -> Iterator[tuple[int, int]]:
    """Return the two arrays as pairs of Python integers."""
    return zip(later.tolist(), first.tolist(), strict=True)

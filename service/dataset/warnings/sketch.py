"""Compute band keys of examples: near-duplicates, which share most of their short pieces, share a key.

A one-permutation MinHash (Li, Owen, Zhang 2012) in 64 bins, split into 8 bands of 8. Two examples that share
90 % of their pieces have a band in common with 99 % probability; at 70 % it is 38 %, at 50 % it is 3 %.
Pieces are 8 bytes of lower-cased text without blanks and punctuation. They start at certain byte values
(about every twelfth byte), so that equal text gives equal pieces wherever it begins. Pieces in a quarter or
more of the first examples (JSON syntax, system prompts, templates) are ignored.
"""

import numpy as np
from numpy.typing import NDArray

from service.dataset.warnings.keys import U64

BANDS = 8
_BINS = 64
_PER_BAND = _BINS // BANDS
_PIECE_BYTES = 8
# Shorter examples would share most of their few pieces by chance.
_MIN_PIECES = 8
_MIN_FILLED = 4
_COMMON_SHARE = 0.25
_STOP_BITS = 16

_DROPPED = b" \t\r.,;:!?'\"-_()[]{}\\/*#`"
_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))
_IS_ANCHOR = bytes(byte in b"hc37" or (byte >= 0x80 and byte % 16 == 5) for byte in range(256))
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_EMPTY = np.uint64(2**64 - 1)
_WEIGHTS = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(1, _PER_BAND + 1)], np.uint64)


class Sketcher:
    """Computes band keys batch by batch. The first batch decides which pieces are too common."""

    def __init__(self) -> None:
        self._stopped: NDArray[np.bool_] | None = None

    def keys(self, rows: list[bytes]) -> tuple[U64, NDArray[np.intp]]:
        """Return band keys, and the index in `rows` of each; short rows have none."""
        pieces, owners = _pieces(rows)
        pieces = _mixed(pieces)
        if self._stopped is None:
            self._stopped = _common(pieces, len(rows))
        kept = ~self._stopped[pieces & np.uint64(2**_STOP_BITS - 1)]
        pieces, owners = pieces[kept], owners[kept]
        enough = np.bincount(owners, minlength=len(rows)) >= _MIN_PIECES
        table = np.full(len(rows) * _BINS, _EMPTY, np.uint64)
        bins = (pieces >> np.uint64(58)).astype(np.intp)
        np.minimum.at(table, owners * _BINS + bins, pieces)
        bands = table.reshape(len(rows), BANDS, _PER_BAND)
        filled = (bands != _EMPTY).sum(axis=2) >= _MIN_FILLED
        filled &= enough[:, None]
        keys = (bands * _WEIGHTS).sum(axis=2, dtype=np.uint64)
        # Keys of different bands must never match: the third band of a row and the fifth of another.
        keys = _mixed(keys + np.arange(BANDS, dtype=np.uint64))
        at_row, at_band = np.nonzero(filled)
        return keys[at_row, at_band], at_row


def _pieces(rows: list[bytes]) -> tuple[U64, NDArray[np.intp]]:
    """Return all pieces as 64-bit numbers, and the row of each."""
    text = b"\n".join([*rows, bytes(_PIECE_BYTES)]).translate(_LOWER, _DROPPED)
    windows = np.ndarray((len(text) - _PIECE_BYTES,), np.dtype("<u8"), text, strides=(1,))
    places = np.flatnonzero(np.frombuffer(text.translate(_IS_ANCHOR), np.bool_, len(windows)))
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    counts = np.diff(np.searchsorted(places, ends), prepend=0)
    owners = np.repeat(np.arange(len(rows)), counts)
    # Without pieces that reach into the next row, which would make a row's keys depend on it.
    inside = places[: len(owners)] + _PIECE_BYTES <= ends[owners]
    return windows[places[: len(owners)][inside]], owners[inside]


def _mixed(numbers: U64) -> U64:
    """Mix the bits, so that each result bit depends on all input bits (SplitMix64's finaliser)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX_1
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX_2
    return numbers ^ (numbers >> np.uint64(31))


def _common(pieces: U64, rows: int) -> NDArray[np.bool_]:
    """Return the low bits of the pieces that a large share of the rows have."""
    stopped = np.zeros(2**_STOP_BITS, np.bool_)
    if rows >= 20:
        found, times = np.unique(pieces, return_counts=True)
        stopped[found[times > rows * _COMMON_SHARE] & np.uint64(2**_STOP_BITS - 1)] = True
    return stopped

"""What makes two examples near-duplicates: most of their short pieces are the same.

A MinHash of one permutation (Li, Owen, Zhang 2012) in 64 bins, cut into 8 bands of 8. Two examples that share
nine tenths of their pieces agree on a band with 99 % probability, at seven tenths with 38 %, at half 3 %.
Pieces are 8 bytes long, of lower-cased text without blanks and punctuation, and taken where certain bytes
stand (about every twelfth byte), so that the same text gives the same pieces wherever it begins. Pieces that
a quarter of the first examples share (JSON's own, system prompts, templates) say nothing and are left out.
"""

import numpy as np
from numpy.typing import NDArray

from service.dataset.warnings.keys import U64

BANDS = 8
_BINS = 64
_PER_BAND = _BINS // BANDS
_PIECE_BYTES = 8
# An example with fewer pieces is too short to be like another in most of them by more than chance.
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
    """Makes the band keys of examples, batch by batch; the first batch settles what is common to all."""

    def __init__(self) -> None:
        self._stopped: NDArray[np.bool_] | None = None

    def keys(self, rows: list[bytes]) -> tuple[U64, NDArray[np.intp]]:
        """Band keys, and the index in `rows` that each belongs to; short rows have none."""
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
        # Bands must not meet each other: what is equal in the third must not match the fifth.
        keys = _mixed(keys + np.arange(BANDS, dtype=np.uint64))
        at_row, at_band = np.nonzero(filled)
        return keys[at_row, at_band], at_row


def _pieces(rows: list[bytes]) -> tuple[U64, NDArray[np.intp]]:
    """All pieces as 64-bit numbers, and the row each is from."""
    text = b"\n".join([*rows, bytes(_PIECE_BYTES)]).translate(_LOWER, _DROPPED)
    windows = np.ndarray((len(text) - _PIECE_BYTES,), np.dtype("<u8"), text, strides=(1,))
    places = np.flatnonzero(np.frombuffer(text.translate(_IS_ANCHOR), np.bool_, len(windows)))
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    counts = np.diff(np.searchsorted(places, ends), prepend=0)
    owners = np.repeat(np.arange(len(rows)), counts)
    # A piece that reaches into the next row would make its row's end depend on its neighbour.
    inside = places[: len(owners)] + _PIECE_BYTES <= ends[owners]
    return windows[places[: len(owners)][inside]], owners[inside]


def _mixed(numbers: U64) -> U64:
    """Every bit of the result depends on every bit (the finaliser of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX_1
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX_2
    return numbers ^ (numbers >> np.uint64(31))


def _common(pieces: U64, rows: int) -> NDArray[np.bool_]:
    """Low bits of the pieces that a large share of the rows have."""
    stopped = np.zeros(2**_STOP_BITS, np.bool_)
    if rows >= 20:
        found, times = np.unique(pieces, return_counts=True)
        stopped[found[times > rows * _COMMON_SHARE] & np.uint64(2**_STOP_BITS - 1)] = True
    return stopped

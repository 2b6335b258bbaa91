"""Keys that put a tree's nodes in such an order that every branch is one range. Pure.

A key is a tree's mark (8 bytes), then by turns a place in a line and the number of a side line:

    mark·0 ── mark·1 ── mark·2          the first model tuned from a model continues its line,
                 └─ mark·1·1·0 ── …     everything else tuned from it begins a side line at its place

What hangs from a node begins with the node's line and stands at its place or after it. Models are never
moved, so a key never changes. Long lines take no more bytes than short ones; only turning off takes more.
"""

from hashlib import blake2b

_MARK_BYTES = 8
_ONE_BYTE = 0xC0  # numbers below it are one byte; above, the first byte tells how many follow
_END = b"\xff"  # sorts after every number
MOST_BYTES = 2000  # an index row takes no more than 2,700


def root_key(model_id: str) -> bytes:
    """The key of a model that was tuned from a base: the first of its tree."""
    return blake2b(model_id.encode(), digest_size=_MARK_BYTES).digest() + _number(0)


def next_in_line(key: bytes) -> bytes:
    """The key of the first model tuned from the model of that key."""
    line, place = _split(key)
    return line + _number(place + 1)


def beside_line(key: bytes, side_line: int) -> bytes | None:
    """The key of whatever else was made from that model, numbered from 1; None when it grows too long."""
    made = key + _number(side_line) + _number(0)
    return made if len(made) <= MOST_BYTES else None


def end_of(key: bytes) -> bytes:
    """The first key that is beyond the branch of that key."""
    return _split(key)[0] + _END


def _number(value: int) -> bytes:
    if value < _ONE_BYTE:
        return bytes((value,))
    size = (value.bit_length() + 7) // 8
    return bytes((_ONE_BYTE + size,)) + value.to_bytes(size)


def _split(key: bytes) -> tuple[bytes, int]:
    """The line that a key lies on, and its place there."""
    at = start = _MARK_BYTES
    while at < len(key):
        start = at
        at += 1 + max(0, key[at] - _ONE_BYTE)
    first = key[start]
    place = first if first < _ONE_BYTE else int.from_bytes(key[start + 1 : at])
    return key[:start], place

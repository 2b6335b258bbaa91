"""Read the width and height of a PNG, JPEG or WEBP image from the first bytes of its file.

Layouts: PNG (RFC 2083, IHDR), JPEG (ITU-T T.81, start of frame), WEBP (RFC 9649).
"""

from typing import NamedTuple

# Start-of-frame markers; the others in this range define tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Size(NamedTuple):
    """An image's size in pixels."""

    width: int
    height: int


def kind_of(data: bytes) -> str | None:
    """Return the media type by the first bytes; None for other types."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def size_of(data: bytes) -> Size | None:
    """Return the size in pixels; None if these bytes do not contain it."""
    readers = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}
    reader = readers.get(kind_of(data) or "")
    found = reader(data) if reader else None
    return found if found and found.width and found.height else None


def _png(data: bytes) -> Size | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return Size(int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _FRAMES:
            return Size(int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return Size(1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return Size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 " and len(data) >= 30:
        sides = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        return Size(*sides)
    return None

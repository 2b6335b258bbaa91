"""Validate the images in a chat, and count their tokens.

Limits and token rule: OpenAI's fine-tuning and vision guides. An image in low detail costs 85 tokens. Any
other is scaled down to fit 2048 x 2048 pixels, then until its shorter side has 768, and costs 85 tokens plus
170 for each tile of 512 x 512. An image given by URL is not fetched, so it counts as the largest.
"""

import binascii
from math import ceil
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.dataset.formats.pixels import Size, kind_of, size_of
from service.dataset.problems import Flaw

MAX_PER_EXAMPLE = 10
MAX_EXAMPLES = 50_000
MAX_BYTES = 10 * 2**20
LOW_TOKENS = 85
TILE_TOKENS = 170
MOST_TOKENS = LOW_TOKENS + 8 * TILE_TOKENS  # 2048 x 768 pixels: 4 x 2 tiles

_MAX_SIDE, _MAX_SHORTER_SIDE, _TILE_SIDE = 2048, 768, 512
_TYPES = ("image/png", "image/jpeg", "image/webp")
# The most base64 that is read to find an image's size: a JPEG may start with a long preview.
_HEAD_CHARS = 4 * 2**18


class Image(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An image's URL and detail."""

    url: Annotated[str, Meta(min_length=1)]
    detail: Literal["low", "high", "auto"] | None = None


def tokens_of(image: Image) -> int:
    """Return the tokens of one image."""
    if image.detail == "low":
        return LOW_TOKENS
    size = _size_in(image.url)
    return MOST_TOKENS if size is None else LOW_TOKENS + TILE_TOKENS * _tiles(size)


def flaws_of(image: Image, path: str) -> list[Flaw]:
    """Return the flaw in an image's URL, type, size or bytes, if any."""
    url = image.url
    if url.startswith(("https://", "http://")):
        return []
    if not url.startswith("data:"):
        return [_flaw(path, "is neither an http(s) address nor a data URL")]
    kind, _, encoded = url.removeprefix("data:").partition(";base64,")
    if kind not in _TYPES or not encoded:
        return [_flaw(path, "is not a base64 data URL of a PNG, JPEG or WEBP image")]
    size_bytes = len(encoded) * 3 // 4
    if size_bytes > MAX_BYTES:
        return [
            Flaw(
                f"{path}.url",
                "image_too_large",
                f"has {size_bytes} bytes; the limit is {MAX_BYTES}, so scale the image down",
            )
        ]
    try:
        data = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as bad:
        return [_flaw(path, f"is not valid base64: {str(bad).lower()}")]
    found = kind_of(data)
    if found != kind:
        return [_flaw(path, f"is declared as {kind}, but its bytes are {found or 'not such an image'}")]
    return []


def too_many(count: int, path: str) -> Flaw:
    """Return the flaw of an example with more images than the provider accepts."""
    return Flaw(path, "too_many_images", f"has {count} images; the limit is {MAX_PER_EXAMPLE} per example")


def _flaw(path: str, message: str) -> Flaw:
    return Flaw(f"{path}.url", "invalid_image", message)


def _size_in(url: str) -> Size | None:
    head, _, encoded = url[: _HEAD_CHARS + 64].partition(";base64,")
    if not head.startswith("data:"):
        return None
    whole = encoded[: len(encoded) // 4 * 4]
    try:
        return size_of(binascii.a2b_base64(whole))
    except ValueError:
        return None


def _tiles(size: Size) -> int:
    scale = min(1.0, _MAX_SIDE / max(size))
    scale *= min(1.0, _MAX_SHORTER_SIDE / (min(size) * scale))
    return ceil(size.width * scale / _TILE_SIDE) * ceil(size.height * scale / _TILE_SIDE)

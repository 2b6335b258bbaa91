"""Images in a chat: what may be trained on, and how many tokens one costs. Pure.

Limits and tile rule: OpenAI's fine-tuning and vision guides. A data URL says its own size; of an image
by address nothing is known without fetching it, so a 1024 x 1024 one is assumed.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.dataset.problems import Flaw

MAX_PER_EXAMPLE = 10
MAX_EXAMPLES = 50_000
MAX_BYTES = 10 * 2**20
LOW_TOKENS = 85
ASSUMED_TOKENS = 85 + 4 * 170

_TYPES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/webp;base64,")


class Image(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Where an image is, and in how much detail it is looked at."""

    url: Annotated[str, Meta(min_length=1)]
    detail: Literal["low", "high", "auto"] | None = None


def tokens_of(image: Image) -> int:
    """Tokens one image costs: 85 in low detail, else what a 1024 x 1024 one would."""
    return LOW_TOKENS if image.detail == "low" else ASSUMED_TOKENS


def flaws_of(image: Image, path: str) -> list[Flaw]:
    """What keeps an image from being trained on: its scheme, its type, its size."""
    url = image.url
    if url.startswith(("https://", "http://")):
        return []
    if not url.startswith("data:"):
        return [Flaw(f"{path}.url", "invalid_image", "is neither an http(s) address nor a data URL")]
    if not url.startswith(_TYPES):
        return [Flaw(f"{path}.url", "invalid_image", "is not a base64 data URL of a PNG, JPEG or WEBP image")]
    size_bytes = (len(url) - url.index(",") - 1) * 3 // 4
    if size_bytes > MAX_BYTES:
        return [Flaw(f"{path}.url", "image_too_large", f"has {size_bytes} bytes; the limit is {MAX_BYTES}")]
    return []


def too_many(count: int, path: str) -> Flaw:
    """An example with more images than are looked at."""
    return Flaw(path, "too_many_images", f"has {count} images; the limit is {MAX_PER_EXAMPLE} an example")

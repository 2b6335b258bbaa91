"""Generate and hash the secrets of keys."""

import hashlib
from typing import NamedTuple

from service.core.ids import random_text

PREFIX = "th-"
_SECRET_LENGTH = 32  # letters and digits: 190 bits, above the 160 we promise
_SHOWN_LENGTH = len(PREFIX) + 5


class NewSecret(NamedTuple):
    """A new secret: `text` is shown to its owner once, the rest is stored."""

    text: str
    prefix: str
    digest: bytes


def generate() -> NewSecret:
    """Generate a random secret."""
    text = PREFIX + random_text(_SECRET_LENGTH)
    return NewSecret(text, text[:_SHOWN_LENGTH], digest(text))


def digest(secret: str) -> bytes:
    """Return the digest that is stored of a secret: 32 bytes of SHA-256.

    A slow password hash would add nothing: the input has 190 random bits.
    """
    return hashlib.sha256(secret.encode()).digest()

"""How the secret of a key looks and what is stored of it. Pure."""

import hashlib
from typing import NamedTuple

from service.core.ids import random_text

PREFIX = "th-"
_SECRET_LENGTH = 32  # letters and digits: 190 bits, above the 160 we promise
_SHOWN_LENGTH = len(PREFIX) + 5


class NewSecret(NamedTuple):
    """A fresh secret: `text` is for its owner's eyes, once; the rest is stored."""

    text: str
    prefix: str
    digest: bytes


def generate() -> NewSecret:
    """A new random secret."""
    text = PREFIX + random_text(_SECRET_LENGTH)
    return NewSecret(text, text[:_SHOWN_LENGTH], digest(text))


def digest(secret: str) -> bytes:
    """What is stored of a secret: 32 bytes of SHA-256.

    A slow password hash would add nothing: the input has 190 random bits.
    """
    return hashlib.sha256(secret.encode()).digest()

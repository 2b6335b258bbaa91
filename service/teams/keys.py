"""What a key looks like and how it is recognised. Pure."""

import hashlib
from enum import StrEnum
from typing import NamedTuple

from service.core.ids import random_text

PREFIX = "th-"
_SECRET_LENGTH = 32  # letters and digits: 190 bits, above the 160 we promise
_SHOWN_LENGTH = len(PREFIX) + 5


class Scope(StrEnum):
    """What a key may do for its team."""

    READ = "read"  # see datasets, jobs, models, costs
    TRAIN = "train"  # change datasets and jobs
    INFER = "infer"  # call models
    MANAGE = "manage"  # keys, webhooks, aliases


class NewKey(NamedTuple):
    """A fresh key: the secret for its owner's eyes, once; the rest to be stored."""

    secret: str
    prefix: str
    secret_hash: bytes


def generate() -> NewKey:
    """A new random key."""
    secret = PREFIX + random_text(_SECRET_LENGTH)
    return NewKey(secret, secret[:_SHOWN_LENGTH], digest(secret))


def digest(secret: str) -> bytes:
    """What is stored of a key: 32 bytes of SHA-256.

    A slow password hash would add nothing: the input has 190 random bits.
    """
    return hashlib.sha256(secret.encode()).digest()

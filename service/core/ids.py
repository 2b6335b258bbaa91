"""Opaque ids: a prefix that tells the kind, then 24 random letters and digits (143 bits)."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """`length` letters and digits from the operating system's randomness (5.95 bits each)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    """A new id such as `ftjob-…`; the prefix brings its own separator, as OpenAI's do."""
    return prefix + random_text(24)

"""Opaque ids: a prefix for the kind of object, then 24 random letters and digits (143 bits)."""

import hashlib
import re
import secrets
import string

_LENGTH = 24
_ALPHABET = string.ascii_letters + string.digits
# Using bytes from 248 up would make some letters more likely than others.
_REFUSED = bytes(range(len(_ALPHABET) * 4, 256))
_LETTERS = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))


def random_text(length: int) -> str:
    """Return `length` letters and digits from the operating system's randomness (5.95 bits each)."""
    text = b""
    while len(text) < length:
        # Three bytes in a hundred are refused: with eight extra, one call is nearly always enough.
        text += secrets.token_bytes(length + 8).translate(_LETTERS, _REFUSED)
    return text[:length].decode("ascii")


def derived_text(length: int, *origin: str) -> str:
    """Return `length` letters and digits that follow from the origin, and do not reveal it; at most 40."""
    number = int.from_bytes(hashlib.sha256("\0".join(origin).encode()).digest(), "big")
    text = ""
    while len(text) < length:
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return text


def new_id(prefix: str) -> str:
    """Return a new id such as `ftjob-…`. The prefix includes its separator, as OpenAI's do."""
    return prefix + random_text(_LENGTH)


def has_form_of(prefix: str, text: str) -> bool:
    """Whether `new_id(prefix)` could have returned this text."""
    return re.fullmatch(f"{re.escape(prefix)}[A-Za-z0-9]{{{_LENGTH}}}", text) is not None

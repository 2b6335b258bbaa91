"""Search raw lines for secrets, personal data, leftover HTML and control characters, in one pass.

The patterns look the same in raw JSON, so decoded texts need not be joined to be searched. RE2 runs in linear
time and releases the interpreter's lock.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import re2  # type: ignore[import-untyped]  # ships no types

from service.dataset.convert.clean import NAMES

_SECRETS = (
    rb"sk-[A-Za-z0-9_-]{20,}",
    rb"th-[A-Za-z0-9]{32}",
    rb"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",
    rb"whsec_[A-Za-z0-9+/=]{24,}",
    rb"gh[opsur]_[A-Za-z0-9]{36}",
    rb"github_pat_[A-Za-z0-9_]{22,}",
    rb"glpat-[A-Za-z0-9_-]{20}",
    rb"(?:AKIA|ASIA)[A-Z0-9]{16}",
    rb"AIza[A-Za-z0-9_-]{35}",
    rb"xox[abeprs]-[A-Za-z0-9-]{10,}",
    rb"hf_[A-Za-z0-9]{30,}",
    rb"npm_[A-Za-z0-9]{36}",
    rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----",
    rb"[a-z][a-z0-9+.-]{1,20}:\\?/\\?/[^\s\"/:@<>]{1,64}:[^\s\"/@<>]{3,128}@",
)
_EMAIL = rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,3}\.[A-Za-z]{2,24}"
# Ten or more digits with at most one mark between two: perhaps a phone or card number.
_DIGITS = rb"\+?\(?[0-9](?:[ ().-]{0,2}[0-9]){9,18}"
_HTML = (
    rb"(?i:<|\\u003c)\\?/?(?i:" + NAMES.encode() + rb")(?:[ ][^<>\n]{0,300})?\\?/?(?i:>|\\u003e)"
    rb"|&(?:nbsp|amp|lt|gt|quot|apos|#[0-9]{1,7});"
)
_CONTROL = (
    rb"\\u00(?:0[0-8bBcCeEfF]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])|\x7f|\xc2[\x80-\x9f]|\xef\xbb\xbf"
    rb"|\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])"
)


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, not characters
    options.log_errors = False
    return options


_ALL = re2.compile(b"|".join((*_SECRETS, _EMAIL, _DIGITS, _HTML, _CONTROL)), _options())
_IS_SECRET = re.compile(b"|".join(_SECRETS))
_IS_EMAIL = re.compile(_EMAIL)
# International with +, North American 3-3-4 with separators, or a Chinese mobile number.
_IS_PHONE = re.compile(
    rb"\+[0-9][0-9 ().-]{7,18}|\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}|1[3-9][0-9]{9}"
)


class Hit(NamedTuple):
    """A match at byte `start` of the searched bytes."""

    start: int
    code: str
    what: str
    text: bytes


def scan(block: bytes) -> Iterator[Hit]:
    """Return all matches in some lines, in order."""
    for match in _ALL.finditer(block):
        text = match.group()
        kind = _kind(block, match.start(), text)
        if kind is not None:
            yield Hit(match.start(), *kind, text)


def _kind(block: bytes, start: int, text: bytes) -> tuple[str, str] | None:
    first = text[0]
    if first in b"<&" or text[:6].lower() == b"\\u003c":
        return "html", "markup"
    if first in b"\\\x7f\xc2\xe2\xef":
        return ("control_characters", "control") if not _is_escaped(block, start) else None
    if first in b"+(0123456789" and b"@" not in text:
        return _number(block, start, text)
    if _IS_SECRET.fullmatch(text):
        return "secret", "secret"
    return ("personal_data", "an e-mail address") if _IS_EMAIL.fullmatch(text) else None


def _is_escaped(block: bytes, start: int) -> bool:
    """Return whether the backslash at `start` is itself escaped, and so does not start an escape."""
    before = block[max(0, start - 64) : start]
    return bool((len(before) - len(before.rstrip(b"\\"))) % 2)


def _number(block: bytes, start: int, text: bytes) -> tuple[str, str] | None:
    end = start + len(text)
    if block[start - 1 : start].isalnum() or block[end : end + 1].isalnum():
        return None  # part of an identifier
    digits = [byte - 48 for byte in text if 48 <= byte <= 57]
    if 13 <= len(digits) <= 19 and digits[0] in (2, 3, 4, 5, 6) and _passes_luhn(digits):
        return "personal_data", "a card number"
    return ("personal_data", "a phone number") if _IS_PHONE.fullmatch(text) else None


def _passes_luhn(digits: list[int]) -> bool:
    """Return whether the check digit of a payment card is right (ISO/IEC 7812-1)."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def masked(hit: Hit) -> str:
    """Return enough of a match to recognise it, but too little to use it."""
    text = hit.text.decode("utf-8", "replace")
    if hit.code == "control_characters":
        return text if text.startswith("\\") else f"U+{ord(text[0]):04X}"
    if hit.code == "html":
        return text[:40]
    if hit.what == "an e-mail address":
        name, _, domain = text.partition("@")
        return f"{name[:1]}…@{domain[:1]}…{domain[domain.rindex('.') :]}"
    if "://" in text and text.endswith("@"):
        return f"{text.split('://')[0]}://…:…@"
    if hit.code == "secret":
        return f"{text[:4]}… ({len(text)} characters)"
    return f"…{text[-2:]}"

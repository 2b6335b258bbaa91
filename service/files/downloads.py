"""Headers of a download: `Content-Disposition` and `Range` (RFC 9110, section 14)."""

import re
from urllib.parse import quote

from service.errors import RangeNotSatisfiable

_NOT_PLAIN = re.compile(r'[^ -~]|["\\]')
_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def disposition(filename: str) -> str:
    """Return a `Content-Disposition` that saves the body as `filename` (RFC 6266)."""
    plain = _NOT_PLAIN.sub("_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def asked_part(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return the requested range as (start, end), end excluded; None means the whole content.

    Several ranges, other units and malformed headers get the whole content, as the RFC allows. Raises
    `RangeNotSatisfiable` for a range outside the content.
    """
    found = _ONE_RANGE.fullmatch(header.replace(" ", "")) if header else None
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise RangeNotSatisfiable(size_bytes)
    return start, end

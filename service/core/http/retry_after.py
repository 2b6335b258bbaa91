"""Parse `Retry-After` (RFC 9110 §10.2.3), and the `retry-after-ms` that OpenAI sends with it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_S = 86_400.0

# RFC 9110 has whole seconds; providers also send fractions.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def parse(value: str | None, now: datetime, *, longest_s: float = LONGEST_S) -> float | None:
    """Return the seconds from `now` that a `Retry-After` value asks for, 0 to `longest_s`.

    Takes seconds or an HTTP date; a date that has passed is 0. Returns None for a missing or malformed value.
    """
    text = (value or "").strip(" \t")
    if _NUMBER.fullmatch(text):
        return min(float(text), longest_s)
    return _until(text, now, longest_s)


def from_headers(headers: Mapping[str, str], now: datetime, *, longest_s: float = LONGEST_S) -> float | None:
    """Return the pause in seconds that response headers ask for; `retry-after-ms` precedes `retry-after`.

    `headers` must look up names case-insensitively.
    """
    milliseconds = (headers.get("retry-after-ms") or "").strip(" \t")
    if _NUMBER.fullmatch(milliseconds):
        return min(float(milliseconds) / 1000, longest_s)
    return parse(headers.get("retry-after"), now, longest_s=longest_s)


def _until(text: str, now: datetime, longest_s: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # `-0000` and a missing zone give a naive datetime; HTTP dates are always UTC.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return min(max(seconds, 0.0), longest_s)

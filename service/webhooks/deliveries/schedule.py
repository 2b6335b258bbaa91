"""When a delivery that failed is tried again. Pure.

The default schedule (`webhook_retry_schedule_s`) is Svix's: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h; with
the first attempt that is eight attempts over 27.6 hours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

JITTER = 0.2  # of the pause, either way, so that what failed together does not return together
LONGEST_RETRY_AFTER = timedelta(hours=10)  # the schedule's own longest pause
DISABLE_AFTER = timedelta(days=5)  # of nothing but failures


def next_pause(
    failures: int, schedule_s: Sequence[float], *, jitter: float, asked: timedelta | None = None
) -> timedelta | None:
    """How long to wait after the `failures`-th failure (from 1); None once the schedule is spent.

    `jitter` is a random number from -1 to 1. What the receiver `asked` for with Retry-After lengthens the
    pause, never shortens it.
    """
    if failures > len(schedule_s):
        return None
    planned = timedelta(seconds=schedule_s[failures - 1] * (1 + JITTER * jitter))
    return planned if asked is None else max(planned, asked)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for (RFC 9110 §10.2.3: seconds or a date), at most ten hours.

    None when it is missing, malformed or in the past.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Twelve digits are beyond any limit already; more would overflow a timedelta.
        return min(timedelta(seconds=int(text[:12])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None or moment <= now:
        return None
    return min(moment - now, LONGEST_RETRY_AFTER)


def is_given_up(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint has failed for so long that it is disabled."""
    return now - failing_since >= DISABLE_AFTER

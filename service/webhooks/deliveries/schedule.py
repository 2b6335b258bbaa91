"""When to retry a failed delivery.

The default schedule (`webhook_retry_schedule_s`) is Svix's: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h; with
the first attempt that is eight attempts over 27.6 hours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

JITTER = 0.2  # of the pause, either way, so that what failed together does not return together
LONGEST_RETRY_AFTER_S = 36_000.0  # the schedule's own longest pause
DISABLE_AFTER = timedelta(days=5)  # of nothing but failures


def next_pause(
    failures: int, schedule_s: Sequence[float], *, jitter: float, asked_s: float | None = None
) -> timedelta | None:
    """How long to wait after the `failures`-th failure (from 1); None once the schedule is spent.

    `jitter` is a random number from -1 to 1. `asked_s` is the receiver's Retry-After in seconds; it
    lengthens the pause, never shortens it.
    """
    if failures > len(schedule_s):
        return None
    planned = timedelta(seconds=schedule_s[failures - 1] * (1 + JITTER * jitter))
    return planned if asked_s is None else max(planned, timedelta(seconds=asked_s))


def is_given_up(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint has failed for so long that it is disabled."""
    return now - failing_since >= DISABLE_AFTER

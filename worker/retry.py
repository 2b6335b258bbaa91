"""Pauses before the next attempt, with jitter."""

import random
from datetime import timedelta

_FIRST_S = 1.0
_LONGEST_S = 300.0


def retry_delay(attempts: int) -> timedelta:
    """Return the pause after the `attempts`-th failure: doubles from 1 s to 5 min, ±20 % jitter."""
    seconds = min(_FIRST_S * 2 ** min(attempts - 1, 16), _LONGEST_S)
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def spread(wait: timedelta) -> timedelta:
    """Return `wait` plus a random extra of up to `wait` or 5 s, so that jobs do not resume all at once."""
    least_s = max(wait.total_seconds(), 0.1)
    return timedelta(seconds=least_s + random.uniform(0, min(least_s, 5.0)))  # noqa: S311 - jitter

"""Compute the pause before a provider is polled for a job again.

It is short while the job is new, while its status or log changes and near its expected end; it is long while
the job waits in the provider's queue or is paused. A provider's webhook ends any pause early.
"""

from service.jobs.states import JobStatus

FASTEST_S = 1.0
_NEAR_END_S = 60.0
_SLOW = frozenset({JobStatus.PAUSED, JobStatus.QUEUED, JobStatus.VALIDATING_FILES})
CALLS_PER_POLL = 2  # the job and its events


def pause_s(status: JobStatus, quiet_s: float, left_s: float | None, longest_s: float) -> float:
    """Return the seconds to wait, `quiet_s` after the last change and `left_s` before the expected end.

    That is a twentieth of the quiet time while the job runs, a tenth while it waits, and at most half of the
    time left to the expected end, if that is known.
    """
    wanted = quiet_s / (10 if status in _SLOW else 20)
    if left_s is not None and left_s > 0:
        wanted = min(wanted, left_s / 2)
    elif left_s is not None and -left_s < _NEAR_END_S:
        wanted = FASTEST_S
    return min(longest_s, max(FASTEST_S, wanted))


def spread_s(living: int, calls_per_minute: int) -> float:
    """Return the shortest pause at which `living` jobs together stay within `calls_per_minute`."""
    return living * CALLS_PER_POLL * 60 / calls_per_minute

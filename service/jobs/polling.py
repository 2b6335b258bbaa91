"""Compute the pause before a provider is polled for a job again.

It is short while the job is new, while its status or log changes and near its expected end; it is long while
the job waits in the provider's queue or is paused. A provider's webhook ends any pause early.

From a hundred unfinished jobs at a provider on, its listing is read too: a page shows the statuses of a
hundred jobs, so jobs that wait need no calls of their own, and those that run only for their logs.
"""

from service.jobs.states import JobStatus

FASTEST_S = 1.0
_NEAR_END_S = 60.0
WAITING = frozenset({JobStatus.PAUSED, JobStatus.QUEUED, JobStatus.VALIDATING_FILES})
CALLS_PER_POLL = 2  # the job and its events
LISTED_FROM = 100  # unfinished jobs at a provider
JOBS_PER_PAGE = 100
_LISTING_SHARE = 0.25  # of the calls that are allowed
_LISTED_EVERY_S = 10.0
_LISTED_PAUSE_S = 600.0  # in case a listing leaves a job out


def pause_s(status: JobStatus, quiet_s: float, left_s: float | None, longest_s: float) -> float:
    """Return the seconds to wait, `quiet_s` after the last change and `left_s` before the expected end.

    That is a twentieth of the quiet time while the job runs, a tenth while it waits, and at most half of the
    time left to the expected end, if that is known.
    """
    wanted = quiet_s / (10 if status in WAITING else 20)
    if left_s is not None and left_s > 0:
        wanted = min(wanted, left_s / 2)
    elif left_s is not None and -left_s < _NEAR_END_S:
        wanted = FASTEST_S
    return min(longest_s, max(FASTEST_S, wanted))


def paced_s(status: JobStatus, wanted_s: float, living: int, active: int, calls_per_minute: int) -> float:
    """Return the pause of a job that keeps all `living` jobs at its provider within `calls_per_minute`.

    `active` of them have begun to train. A job that waits is left to the listing, if that is read.
    """
    if living < LISTED_FROM:
        return max(wanted_s, spread_s(living, calls_per_minute))
    if status in WAITING:
        return _LISTED_PAUSE_S
    return max(wanted_s, spread_s(active, calls_per_minute * (1 - _LISTING_SHARE)))


def listing_pause_s(living: int, calls_per_minute: int) -> float:
    """Return the seconds between two listings, which together take up to a quarter of the calls allowed."""
    pages = -(-living // JOBS_PER_PAGE)
    return max(_LISTED_EVERY_S, pages * 60 / (calls_per_minute * _LISTING_SHARE))


def spread_s(living: int, calls_per_minute: float) -> float:
    """Return the shortest pause at which `living` jobs together stay within `calls_per_minute`."""
    return living * CALLS_PER_POLL * 60 / calls_per_minute

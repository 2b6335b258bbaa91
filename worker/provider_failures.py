"""Handle a provider's failure in a step: retry later, log no traceback, and inform the other workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps

import structlog

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.jobs.blocks import BlockKind, raise_block
from service.providers.errors import KeyRefused, OutcomeUnknown, ProviderError, Retryable, Throttled
from worker.retry import retry_delay

log = structlog.get_logger(__name__)

# After a call of unknown outcome, the provider's lists may not show the result for a moment.
_LOOK_AGAIN_IN = timedelta(seconds=5)
_UNTOLD_RATE_PAUSE_S = 5.0  # after a 429 without Retry-After
_KEY_PAUSE = timedelta(minutes=1)
JOB_LIMITS = frozenset({"daily_rate_limit_exceeded", "insufficient_quota"})  # on jobs, not on requests


def retried(step: Callable[[Lease], None]) -> Callable[[Lease], None]:
    """Make a step retry later if the provider did not answer, or certainly did nothing."""

    @wraps(step)
    def guarded(lease: Lease) -> None:
        try:
            step(lease)
        except Retryable as failure:
            come_back(lease, wait_after(lease, failure), failure)
        except OutcomeUnknown as failure:
            come_back(lease, max(_LOOK_AGAIN_IN, retry_delay(lease.attempts)), failure)

    return guarded


@contextmanager
def noting_throttles(provider: str) -> Iterator[None]:
    """Block the provider for every worker when it throttles the calls inside or refuses the key."""
    try:
        yield
    except Throttled as failure:
        if failure.code in JOB_LIMITS:
            raise
        pause = timedelta(seconds=failure.retry_after_s or _UNTOLD_RATE_PAUSE_S)
        _note(provider, BlockKind.RATE, failure, pause)
        raise
    except KeyRefused as failure:
        _note(provider, BlockKind.KEY, failure, _KEY_PAUSE)
        raise


def wait_after(lease: Lease, failure: ProviderError) -> timedelta:
    """Return how long to wait: as long as the provider asked for, otherwise longer with each attempt."""
    asked = timedelta(seconds=failure.retry_after_s) if failure.retry_after_s else None
    return asked or retry_delay(lease.attempts)


def come_back(lease: Lease, wait: timedelta, failure: Exception) -> None:
    """Release the work, due after `wait`, and record the failure in its row and in the log."""
    log.warning("provider_call_failed", reason=str(failure), retry_in_s=wait.total_seconds())
    with transaction() as session:
        work.give_back(session, lease, retry_in=wait, error=str(failure)[:500])


def _note(provider: str, kind: BlockKind, failure: ProviderError, pause: timedelta) -> None:
    with transaction() as session:
        raise_block(session, provider, kind, failure.message, until=clock.now() + pause)

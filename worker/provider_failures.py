"""What a step does when its provider fails: come back later, without a traceback, and tell the others."""

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

# After a call of unknown outcome, the provider's lists may lag behind its own doings for a moment.
_LOOK_AGAIN_IN = timedelta(seconds=5)
_UNTOLD_RATE_PAUSE_S = 5.0  # a 429 that does not say when to come back
_KEY_PAUSE = timedelta(minutes=1)
JOB_LIMITS = frozenset({"daily_rate_limit_exceeded", "insufficient_quota"})  # on jobs, not on requests


def retried(step: Callable[[Lease], None]) -> Callable[[Lease], None]:
    """A step that gives its work back when the provider did nothing, or may have done something."""

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
    """Let every worker know when the calls inside come too fast for the provider, or have the key refused."""
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
    """How long to stay away: what the provider asked for, else growing with the attempts."""
    asked = timedelta(seconds=failure.retry_after_s) if failure.retry_after_s else None
    return asked or retry_delay(lease.attempts)


def come_back(lease: Lease, wait: timedelta, failure: Exception) -> None:
    """Give the work back for `wait`, with the failure noted."""
    log.warning("provider_call_failed", reason=str(failure), retry_in_s=wait.total_seconds())
    with transaction() as session:
        work.give_back(session, lease, retry_in=wait, error=str(failure)[:500])


def _note(provider: str, kind: BlockKind, failure: ProviderError, pause: timedelta) -> None:
    with transaction() as session:
        raise_block(session, provider, kind, failure.message, until=clock.now() + pause)

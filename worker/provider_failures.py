"""What a step does when its provider fails: come back later, without a traceback."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.providers.errors import OutcomeUnknown, Retryable
from worker.retry import retry_delay

log = structlog.get_logger(__name__)

# After a call of unknown outcome, the provider's lists may lag behind its own doings for a moment.
_LOOK_AGAIN_IN = timedelta(seconds=5)


def retried(step: Callable[[Lease], None]) -> Callable[[Lease], None]:
    """A step that gives its work back when the provider did nothing, or may have done something."""

    @wraps(step)
    def guarded(lease: Lease) -> None:
        try:
            step(lease)
        except Retryable as failure:
            asked = timedelta(seconds=failure.retry_after_s) if failure.retry_after_s else None
            _come_back(lease, asked or retry_delay(lease.attempts), failure)
        except OutcomeUnknown as failure:
            _come_back(lease, max(_LOOK_AGAIN_IN, retry_delay(lease.attempts)), failure)

    return guarded


def _come_back(lease: Lease, wait: timedelta, failure: Exception) -> None:
    log.warning("provider_call_failed", reason=str(failure), retry_in_s=wait.total_seconds())
    with transaction() as session:
        work.give_back(session, lease, retry_in=wait, error=str(failure)[:500])

"""Read a provider's listing of jobs, and wake those that have changed."""

from datetime import timedelta
from itertools import islice

import structlog

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.jobs import polling
from service.jobs.blocks import ALL_MODELS, BlockKind, block_on
from service.jobs.upstream import listing
from service.providers.errors import OutcomeUnknown
from service.providers.registry import get_provider
from worker.provider_failures import noting_throttles, retried
from worker.retry import spread

log = structlog.get_logger(__name__)


@retried
def list_jobs(lease: Lease) -> None:
    """List the jobs, newest first, until every unfinished one was seen; then wait for the next turn."""
    provider = get_provider(lease.subject_id)
    with transaction() as session:
        block = block_on(session, provider.name, ALL_MODELS, (BlockKind.RATE,))
        if block is not None and block.until is not None:
            work.finish(session, lease, next_in=spread(block.until - clock.now()))
            return
        living = listing.living_at(session, provider.name)
        if living is None:
            listing.leave_to_polls(session, provider.name, provider.settings.calls_per_minute)
            work.finish(session, lease)
            return
    seen = 0
    with noting_throttles(provider.name):
        try:
            jobs = provider.iter_jobs(living.since)
            while seen < living.jobs and (page := list(islice(jobs, polling.JOBS_PER_PAGE))):
                with transaction() as session:
                    seen += len(listing.wake_changed(session, provider.name, page))
        except OutcomeUnknown as incomplete:
            # The steps of the jobs that the list leaves out ask for them one by one.
            log.warning("listing_incomplete", seen=seen, reason=str(incomplete))
    pause = polling.listing_pause_s(living.jobs, provider.settings.calls_per_minute)
    with transaction() as session:
        work.finish(session, lease, next_in=timedelta(seconds=pause))

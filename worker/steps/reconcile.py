"""Reconcile yesterday with one provider."""

import structlog

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.jobs.upstream.reconcile import LOOK_BACK, books_of, keep_report, listed, span_of, yesterday
from service.ledger.closing.drift import compare
from service.providers.registry import get_provider
from worker.provider_failures import retried

log = structlog.get_logger(__name__)


@retried
def reconcile(lease: Lease) -> None:
    """Compare our books with the provider's jobs and costs, and store the differences."""
    provider, day = get_provider(lease.subject_id), yesterday()
    since = clock.now() - LOOK_BACK
    # Read theirs first: a job created in between can then be missing in their list, but not in ours.
    theirs = [listed(provider.kind, job) for job in provider.iter_jobs(since)]
    costs = provider.costs_usd(*span_of(day))
    with transaction() as session:
        ours = books_of(session, provider.name, since)
    drifts = compare(ours, theirs)
    with transaction() as session:
        work.finish(session, lease)
        report = keep_report(
            session, provider.name, day, jobs_compared=len(ours), theirs_usd=costs, drifts=drifts
        )
    if drifts:
        log.error("provider_drift", provider=provider.name, day=str(day), drifts=report.drifts[:20])

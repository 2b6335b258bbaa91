"""Search a provider for orphans: jobs and files of ours without a row."""

import structlog

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.jobs.upstream import orphans
from service.providers.errors import Rejected
from service.providers.port import Provider
from service.providers.registry import get_provider
from worker.provider_failures import noting_throttles, retried

log = structlog.get_logger(__name__)


@retried
def sweep_provider(lease: Lease) -> None:
    """Check all jobs and files since the last sweep, newest first."""
    provider = get_provider(lease.subject_id)
    began_at = clock.now()
    with transaction() as session:
        since = orphans.look_back_to(session, provider.name)
        marks = orphans.marks_of_teams(session)
    with noting_throttles(provider.name):
        for job in provider.iter_jobs(since):
            if job.stamp is not None:
                with transaction() as session:
                    verdict = orphans.judge_job(session, provider.name, job)
                if verdict is not None:
                    outcome = _cancel(provider, job.id) if verdict.end else "reported"
                    _record(provider, job.id, "job", verdict.job_id, outcome)
        for file in provider.iter_files(since):
            with transaction() as session:
                unknown = orphans.judge_file(session, provider.name, file, marks)
            if unknown is not None:
                provider.delete_file(file.id)
                _record(provider, file.id, "file", None, "deleted")
    with transaction() as session:
        orphans.note_swept(session, provider.name, began_at)
        work.finish(session, lease)


def _cancel(provider: Provider, job_id: str) -> str:
    try:
        provider.cancel_job(job_id)
    except Rejected:  # the provider job has ended already
        return "reported"
    return "cancelled"


def _record(provider: Provider, object_id: str, kind: str, job_id: str | None, outcome: str) -> None:
    with transaction() as session:
        new = orphans.record_orphan(session, provider.name, object_id, kind, job_id, outcome)
    if new:
        log.error("orphan_found", provider=provider.name, kind=kind, object_id=object_id, outcome=outcome)

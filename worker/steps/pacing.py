"""Pace the polling of jobs, so that all jobs together stay within the provider's rate limit."""

import threading
import time
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.core import clock
from service.jobs import polling
from service.jobs.states import JobStatus
from service.jobs.tables import Job
from service.providers.registry import provider_settings
from service.settings import settings

_COUNT_FRESH_S = 5.0  # the age up to which a count is reused

_counts: dict[str, tuple[float, int, int]] = {}
_lock = threading.Lock()


def next_look(session: Session, job: Job) -> timedelta:
    """Return the pause until the provider is polled for a job again."""
    now = clock.now()
    left = (job.estimated_finish - now).total_seconds() if job.estimated_finish else None
    quiet = (now - job.changed_at).total_seconds()
    status, allowed = JobStatus(job.status), provider_settings(job.provider).calls_per_minute
    wanted = polling.pause_s(status, quiet, left, settings().poll_interval_s)
    return timedelta(seconds=polling.paced_s(status, wanted, *_living(session, job.provider), allowed))


def _living(session: Session, provider: str) -> tuple[int, int]:
    """The unfinished jobs at a provider, and those of them that have begun to train."""
    with _lock:
        counted_at, living, active = _counts.get(provider, (0.0, 0, 0))
    if time.monotonic() - counted_at > _COUNT_FRESH_S:
        there = Job.provider == provider, Job.finished_at.is_(None), Job.provider_job_id.is_not(None)
        begun = func.count().filter(Job.status.not_in(polling.WAITING))
        living, active = session.execute(select(func.count(), begun).where(*there)).one()
        with _lock:
            _counts[provider] = time.monotonic(), living, active
    return living, active

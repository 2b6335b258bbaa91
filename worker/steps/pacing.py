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

_counts: dict[str, tuple[float, int]] = {}
_lock = threading.Lock()


def next_look(session: Session, job: Job) -> timedelta:
    """Return the pause until the provider is polled for a job again."""
    now = clock.now()
    left = (job.estimated_finish - now).total_seconds() if job.estimated_finish else None
    quiet = (now - job.changed_at).total_seconds()
    wanted = polling.pause_s(JobStatus(job.status), quiet, left, settings().poll_interval_s)
    allowed = provider_settings(job.provider).calls_per_minute
    return timedelta(seconds=max(wanted, polling.spread_s(_living(session, job.provider), allowed)))


def _living(session: Session, provider: str) -> int:
    with _lock:
        counted_at, count = _counts.get(provider, (0.0, 0))
    if time.monotonic() - counted_at > _COUNT_FRESH_S:
        there = Job.provider == provider, Job.finished_at.is_(None), Job.provider_job_id.is_not(None)
        count = session.scalar(select(func.count()).where(*there)) or 0
        with _lock:
            _counts[provider] = time.monotonic(), count
    return count

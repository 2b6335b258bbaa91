"""Notice in a provider's listing which jobs have changed: one call for a hundred jobs.

Like a provider's webhook, a listing is only a hint. It wakes the jobs whose status differs from ours; their
own steps then ask the provider, and record its answer.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from service.core import work
from service.core.work import WorkItem
from service.jobs import polling
from service.jobs.kinds import ADVANCE_JOB, LIST_JOBS
from service.jobs.states import JobStatus, status_from
from service.jobs.tables import Job
from service.providers.port import ProviderJob


class Living(NamedTuple):
    """How many unfinished jobs a provider has, and when the oldest was sent."""

    jobs: int
    since: datetime


def order_listings(session: Session, providers: Iterable[str]) -> int:
    """Schedule the listing of each provider with enough jobs that has none scheduled; returns how many."""
    ordered = 0
    for provider in providers:
        if session.get(WorkItem, (LIST_JOBS, provider)) is None and living_at(session, provider) is not None:
            work.schedule(session, LIST_JOBS, provider)
            ordered += 1
    return ordered


def living_at(session: Session, provider: str) -> Living | None:
    """Return a provider's unfinished jobs; None if they are too few to read its listing."""
    there = Job.provider == provider, Job.finished_at.is_(None), Job.provider_job_id.is_not(None)
    count, since = session.execute(select(func.count(), func.min(Job.intended_at)).where(*there)).one()
    return None if since is None or count < polling.LISTED_FROM else Living(count, since)


def leave_to_polls(session: Session, provider: str, calls_per_minute: int) -> None:
    """Bring the next steps of waiting jobs forward, once no listing is read that would wake them.

    They are spread, so that their calls stay within `calls_per_minute`.
    """
    waiting = select(Job.id).where(
        Job.provider == provider,
        Job.finished_at.is_(None),
        Job.provider_job_id.is_not(None),
        Job.status.in_(polling.WAITING),
    )
    within = timedelta(seconds=polling.spread_s(polling.LISTED_FROM, calls_per_minute))
    theirs = WorkItem.kind == ADVANCE_JOB, WorkItem.subject_id.in_(waiting), WorkItem.attempts == 0
    late = update(WorkItem).where(*theirs, WorkItem.next_step_at > func.now() + within)
    session.execute(late.values(next_step_at=func.now() + within * func.random()))


def wake_changed(session: Session, provider: str, listed: Sequence[ProviderJob]) -> list[str]:
    """Wake the jobs of ours whose status differs from the listed one; return the unfinished ones in the list.

    Jobs that are due, or whose last step failed, keep their time.
    """
    statuses = {job.id: job.status for job in listed}
    ours = (
        select(Job.id, Job.provider_job_id, Job.status, WorkItem.attempts, WorkItem.next_step_at > func.now())
        .outerjoin(WorkItem, and_(WorkItem.kind == ADVANCE_JOB, WorkItem.subject_id == Job.id))
        .where(Job.provider == provider, Job.provider_job_id.in_(list(statuses)), Job.finished_at.is_(None))
    )
    found = []
    for job_id, theirs, status, attempts, is_later in session.execute(ours).all():
        found.append(job_id)
        changed = status_from(statuses[str(theirs)], JobStatus(status)) != status
        if changed and attempts == 0 and is_later:
            work.hasten(session, ADVANCE_JOB, job_id)
    return found

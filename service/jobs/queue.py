"""The queue of jobs that wait for a place at a provider.

A queue holds the jobs of one base model at one provider; `order` has their order. A lock per queue keeps two
workers from giving away the same place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from service.catalog.limits import JobLimits, job_limits
from service.core import clock, work
from service.jobs import order
from service.jobs.blocks import BlockKind, block_on
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.order import QueueName
from service.jobs.tables import Job, ProviderBlock

_DAY = timedelta(days=1)
_SEEN_DURATIONS = 20  # of the latest finished jobs, to estimate when a job starts
_WAKEN = 5  # a freed place wakes several jobs, because the first may have been cancelled meanwhile
# Only a safety net: the transaction that frees a place also wakes the next jobs.
_LOOK_AGAIN = timedelta(seconds=60)


@dataclass(frozen=True)
class QueueWait:
    """Why a job must wait, as `waiting_for` on the wire, and when to check again."""

    reason: str
    until: datetime


@dataclass(frozen=True)
class Place:
    """The place of a waiting job; `starts_at` is None if no earlier jobs are known to estimate it from."""

    position: int
    starts_at: datetime | None
    reason: str


def queue_of(job: Job) -> QueueName:
    """Return the queue of a job."""
    return QueueName(job.provider, job.base_model)


def check_turn(session: Session, job: Job) -> QueueWait | None:
    """Return why a locked, waiting job must wait. None if it may be sent now; then the queue stays locked."""
    name = queue_of(job)
    block = block_on(session, *name)
    if block is not None:
        return _wait_for(block)
    limits = job_limits(job.provider, job.base_model)
    if not limits.known:
        return None
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("/".join(name), 1))))
    free = _free_places(session, name, limits)
    if free > 0 and job.id in order.next_jobs(session, name, free):
        return None
    return QueueWait("turn", clock.now() + _LOOK_AGAIN)


def wake_next(session: Session, name: QueueName) -> None:
    """Wake the next jobs after this transaction has freed a place or lifted a block."""
    session.flush()
    for job_id in sorted(order.next_jobs(session, name, _WAKEN)):
        work.schedule(session, ADVANCE_JOB, job_id)


def wake_all(session: Session, provider: str) -> None:
    """Wake every job that waits for a provider, after an administrator has lifted a block."""
    waiting = Job.queued_at.is_not(None), Job.intended_at.is_(None), Job.finished_at.is_(None)
    jobs = select(Job.id, Job.team_id).where(Job.provider == provider, *waiting).order_by(Job.id)
    for job_id, team_id in session.execute(jobs):
        work.schedule(session, ADVANCE_JOB, job_id, team_id=team_id)


def places(session: Session, jobs: Iterable[Job]) -> Mapping[str, Place]:
    """Map job ids to places, for each of `jobs` that is in a queue."""
    found = {}
    waiting = [job for job in jobs if job.queued_at and not job.intended_at and not job.has_ended]
    for name in {queue_of(job) for job in waiting}:
        own = {job.id for job in waiting if queue_of(job) == name}
        numbered = order.positions(session, name, own)
        block = block_on(session, *name)
        concurrent = job_limits(*name).concurrent
        usual = usual_duration(session, name)
        for job_id, position in numbered.items():
            found[job_id] = Place(
                position=position,
                starts_at=_guess_start(position, concurrent, usual, block),
                reason=block.kind if block else "turn",
            )
    return found


def _guess_start(
    position: int, concurrent: int | None, usual: timedelta | None, block: ProviderBlock | None
) -> datetime | None:
    if block is not None and block.until is None:
        return None
    earliest = block.until if block is not None and block.until else clock.now()
    if concurrent is None:
        return earliest
    return None if usual is None else max(earliest, clock.now() + usual * position / concurrent)


def usual_duration(session: Session, name: QueueName) -> timedelta | None:
    """The mean duration of the latest finished jobs at a provider and base; None if there are none."""
    ended = (
        select((Job.finished_at - Job.intended_at).label("took"))
        .where(*_named(name), Job.intended_at.is_not(None), Job.finished_at.is_not(None))
        .order_by(Job.intended_at.desc())
        .limit(_SEEN_DURATIONS)
        .subquery()
    )
    found: timedelta | None = session.scalar(select(func.avg(ended.c.took)))
    return found


def _free_places(session: Session, name: QueueName, limits: JobLimits) -> int:
    free = []
    if limits.concurrent is not None:
        living = Job.intended_at.is_not(None), Job.finished_at.is_(None)
        free.append(limits.concurrent - _count(session, name, *living))
    if limits.per_day is not None:
        free.append(limits.per_day - _count(session, name, Job.intended_at > func.now() - _DAY))
    return min(free)


def sent_within_a_day(session: Session, name: QueueName) -> list[datetime]:
    """When each job was sent that counts towards the limit per day."""
    recent = select(Job.intended_at).where(
        *_named(name), Job.intended_at > func.now() - _DAY, Job.provider_job_id.is_not(None)
    )
    return [moment for moment in session.scalars(recent) if moment]


def _count(session: Session, name: QueueName, *such: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*_named(name), *such)) or 0


def _named(name: QueueName) -> tuple[ColumnElement[bool], ...]:
    return Job.provider == name.provider, Job.base_model == name.base_model


def _wait_for(block: ProviderBlock) -> QueueWait:
    until = block.until or clock.now() + _LOOK_AGAIN
    return QueueWait(BlockKind(block.kind).value, until)

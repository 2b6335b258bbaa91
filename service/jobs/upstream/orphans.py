"""Orphans: provider jobs and files that carry our stamp but belong to no row of ours.

a job that one of our jobs is waiting for     our job is woken, and its next step adopts it
a second provider job for one of our jobs     cancelled, and noted in the job's log
a provider job of a finished job              cancelled: its model would not be used
a provider job of a job that we do not have   reported only: another installation may share the key
a copy of a team's file without a row         deleted once no running attempt can still record it
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, work
from service.events.types import EventType
from service.files.tables import FileCopy
from service.jobs.actions import append_event
from service.jobs.kinds import ADVANCE_JOB, SWEEP_PROVIDER
from service.jobs.states import TERMINAL, JobStatus, status_from
from service.jobs.tables import Job, Orphan, ProviderSweep
from service.jobs.upstream.provider_files import owner_mark
from service.providers.port import ProviderFile, ProviderJob
from service.teams.tables import Team

# Responses to a create or an upload may arrive this late; a younger job or file is not an orphan.
SETTLED_AFTER = timedelta(minutes=15)
_OVERLAP = timedelta(days=1)


@dataclass(frozen=True)
class OrphanVerdict:
    """Whether to `end` an orphan at the provider, and the job on its stamp."""

    end: bool
    job_id: str | None


def order_sweeps(session: Session, providers: list[str], every: timedelta) -> int:
    """Schedule a sweep of each provider whose last one is `every` or more ago; returns how many."""
    ordered = 0
    for provider in providers:
        row = insert(ProviderSweep).values(provider=provider, ordered_at=func.now())
        taken = row.on_conflict_do_update(
            index_elements=["provider"],
            set_={"ordered_at": func.now()},
            where=ProviderSweep.ordered_at < func.now() - every,
        )
        if session.execute(taken.returning(ProviderSweep.provider)).first() is not None:
            work.schedule(session, SWEEP_PROVIDER, provider)
            ordered += 1
    return ordered


def look_back_to(session: Session, provider: str) -> datetime | None:
    """Return the age limit of the jobs and files to check; None the first time, to check all of them."""
    swept_at = session.scalar(select(ProviderSweep.swept_at).where(ProviderSweep.provider == provider))
    return swept_at - _OVERLAP if swept_at else None


def note_swept(session: Session, provider: str, began_at: datetime) -> None:
    """Record that the sweep has checked everything older than `began_at`."""
    row = insert(ProviderSweep).values(provider=provider, ordered_at=began_at, swept_at=began_at)
    session.execute(row.on_conflict_do_update(index_elements=["provider"], set_={"swept_at": began_at}))


def judge_job(session: Session, provider: str, found: ProviderJob) -> OrphanVerdict | None:
    """Return what to do about a provider job with our stamp; None if it is not an orphan."""
    job = session.get(Job, found.stamp)
    if job is None:
        return OrphanVerdict(end=False, job_id=found.stamp)
    if job.provider_job_id == found.id:
        return None
    if job.provider_job_id is None and not job.has_ended:
        if clock.now() - found.created_at > SETTLED_AFTER:
            work.hasten(session, ADVANCE_JOB, job.id)
        return None
    return OrphanVerdict(end=not _has_ended(found), job_id=job.id)


def judge_file(
    session: Session, provider: str, found: ProviderFile, marks: frozenset[str]
) -> OrphanVerdict | None:
    """Return what to do about a provider's file; None if it is known, new, in use or not one of ours."""
    if not any(found.filename.startswith(mark) for mark in marks):
        return None
    if clock.now() - found.created_at < SETTLED_AFTER:
        return None
    known = select(FileCopy.sha256).where(
        FileCopy.provider == provider, FileCopy.provider_file_id == found.id
    )
    needs = or_(Job.provider_training_file == found.id, Job.provider_validation_file == found.id)
    needed = select(Job.id).where(Job.provider == provider, Job.finished_at.is_(None), needs)
    if session.scalar(known.limit(1)) is not None or session.scalar(needed.limit(1)) is not None:
        return None
    return OrphanVerdict(end=True, job_id=None)


def marks_of_teams(session: Session) -> frozenset[str]:
    """Return the name prefixes of our teams' copies."""
    return frozenset(owner_mark(team_id) for team_id in session.scalars(select(Team.id)))


def record_orphan(
    session: Session, provider: str, object_id: str, kind: str, job_id: str | None, outcome: str
) -> bool:
    """Record an orphan and note it in the log of its job, if any; False if it was recorded before."""
    row = insert(Orphan).values(
        provider=provider,
        provider_object_id=object_id,
        kind=kind,
        job_id=job_id,
        outcome=outcome,
        found_at=clock.now(),
    )
    new = session.execute(row.on_conflict_do_nothing().returning(Orphan.provider)).first() is not None
    job = session.get(Job, job_id) if job_id and new else None
    if job is not None:
        message = (
            "The provider had a second job for this one. It was cancelled and is not charged to the team."
        )
        append_event(session, job, EventType.JOB_MESSAGE, message, level="warn")
    return new


def _has_ended(found: ProviderJob) -> bool:
    return status_from(found.status, JobStatus.RUNNING) in TERMINAL

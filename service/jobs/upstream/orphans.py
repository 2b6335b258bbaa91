"""What providers have that carries our stamp and belongs to no row of ours: adopt it, end it, or report it.

a job of ours that waits for just this   left to its own next step, which is woken and adopts it
a second job for one of ours             cancelled, and told of in the job's log
a job for one of ours that has ended     cancelled: nobody waits for its model
a job for none of ours                   reported only: another installation may share the provider's key
a copy of a team's file without a row    deleted once no attempt can still be about to record it
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, work
from service.events.types import EventType
from service.files.tables import FileCopy
from service.jobs.actions import tell
from service.jobs.states import TERMINAL, JobStatus, status_from
from service.jobs.tables import Job, Orphan, ProviderSweep
from service.jobs.upstream.copying import ADVANCE, owner_mark
from service.providers.port import ProviderFile, ProviderJob
from service.teams.tables import Team

SWEEP = "provider.sweep"  # the unit of work that looks through one provider
# An answer may come this late after all; before, a job or file without its row is no orphan.
SETTLED_AFTER = timedelta(minutes=15)
_OVERLAP = timedelta(days=1)


@dataclass(frozen=True)
class Verdict:
    """What to do about something found: `end` it at the provider or leave it there, and why."""

    end: bool
    job_id: str | None


def order_sweeps(session: Session, providers: list[str], every: timedelta) -> int:
    """Order a sweep of each provider whose last one was ordered `every` ago; returns how many."""
    ordered = 0
    for provider in providers:
        row = insert(ProviderSweep).values(provider=provider, ordered_at=func.now())
        taken = row.on_conflict_do_update(
            index_elements=["provider"],
            set_={"ordered_at": func.now()},
            where=ProviderSweep.ordered_at < func.now() - every,
        )
        if session.execute(taken.returning(ProviderSweep.provider)).first() is not None:
            work.schedule(session, SWEEP, provider)
            ordered += 1
    return ordered


def look_back_to(session: Session, provider: str) -> datetime | None:
    """Since when things at the provider have not been looked at; None the first time, for all of them."""
    swept_at = session.scalar(select(ProviderSweep.swept_at).where(ProviderSweep.provider == provider))
    return swept_at - _OVERLAP if swept_at else None


def note_swept(session: Session, provider: str, began_at: datetime) -> None:
    """Note that everything older than `began_at` has been looked at."""
    row = insert(ProviderSweep).values(provider=provider, ordered_at=began_at, swept_at=began_at)
    session.execute(row.on_conflict_do_update(index_elements=["provider"], set_={"swept_at": began_at}))


def judge_job(session: Session, provider: str, found: ProviderJob) -> Verdict | None:
    """What to do about a stamped provider job; None when it is as it should be."""
    job = session.get(Job, found.stamp)
    if job is None:
        return Verdict(end=False, job_id=found.stamp)
    if job.provider_job_id == found.id:
        return None
    if job.provider_job_id is None and not job.has_ended:
        if clock.now() - found.created_at > SETTLED_AFTER:
            work.hasten(session, ADVANCE, job.id)
        return None
    return Verdict(end=not _has_ended(found), job_id=job.id)


def judge_file(session: Session, provider: str, found: ProviderFile, marks: frozenset[str]) -> Verdict | None:
    """What to do about a provider's file; None when it is known, young, needed or not one of our teams'."""
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
    return Verdict(end=True, job_id=None)


def marks_of_teams(session: Session) -> frozenset[str]:
    """How the names of copies begin that are ours."""
    return frozenset(owner_mark(team_id) for team_id in session.scalars(select(Team.id)))


def record_orphan(
    session: Session, provider: str, object_id: str, kind: str, job_id: str | None, outcome: str
) -> bool:
    """Note an orphan and, for a second job of one of ours, tell its team; False when it was known before."""
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
            "The provider had a second job for this one; it was cancelled and is not charged to the team."
        )
        tell(session, job, EventType.JOB_MESSAGE, message, level="warn")
    return new


def _has_ended(found: ProviderJob) -> bool:
    return status_from(found.status, JobStatus.RUNNING) in TERMINAL

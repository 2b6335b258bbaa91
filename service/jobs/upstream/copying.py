"""Get a job's files to its provider: each content once, however many jobs and files want it."""

import hashlib
from typing import NamedTuple, Self

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.core import work
from service.files.copies import find_copy
from service.files.tables import File
from service.jobs.states import TERMINAL
from service.jobs.tables import Job

COPY = "file.copy"  # the unit of work that copies one content to one provider
ADVANCE = "job.advance"  # the unit of work that takes a job one step further


_MARK = "tunehouse"


def owner_mark(team_id: str) -> str:
    """What the names of a team's copies begin with: tells this installation's copies from others'."""
    return f"{_MARK}-{hashlib.sha256(team_id.encode()).hexdigest()[:12]}-"


class CopyName(NamedTuple):
    """Names a unit of copying: whose content goes where."""

    provider: str
    team_id: str
    sha256: str

    def __str__(self) -> str:
        return "/".join(self)

    @classmethod
    def parse(cls, subject_id: str) -> Self:
        """The name that `str` wrote."""
        return cls(*subject_id.split("/"))

    @property
    def filename(self) -> str:
        """What the provider's copy is called: findable after an answer was lost, and telling nothing."""
        return f"{owner_mark(self.team_id)}{hashlib.sha256(str(self).encode()).hexdigest()[:40]}.jsonl"


def collect_copies(session: Session, job: Job) -> bool:
    """Note on a locked job where its files are at the provider; False while a copy is still to be made.

    The copies that are missing are ordered, and their completion wakes the job.
    """
    job.provider_training_file = _copy_or_order(session, job, job.training_file)
    if job.validation_file is not None:
        job.provider_validation_file = _copy_or_order(session, job, job.validation_file)
    return job.facts.files_copied


def wake_waiting_jobs(session: Session, name: CopyName) -> None:
    """Wake the jobs that wait for this copy."""
    same = select(File.id).where(File.team_id == name.team_id, File.sha256 == name.sha256)
    waiting = select(Job.id).where(
        Job.team_id == name.team_id,
        Job.provider == name.provider,
        Job.status.not_in(TERMINAL),
        Job.intended_at.is_(None),
        or_(Job.training_file.in_(same), Job.validation_file.in_(same)),
    )
    for job_id in session.scalars(waiting):
        work.schedule(session, ADVANCE, job_id)


def _copy_or_order(session: Session, job: Job, file_id: str) -> str | None:
    file = session.get_one(File, file_id)
    copy = find_copy(session, file, job.provider)
    if copy is not None:
        return copy.provider_file_id
    work.schedule(session, COPY, str(CopyName(job.provider, file.team_id, file.sha256)))
    return None

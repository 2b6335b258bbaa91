"""Copy a job's files to its provider: each content once, however many jobs and files share it."""

import hashlib
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.core import work
from service.files.copies import find_copy
from service.files.tables import File
from service.jobs.kinds import ADVANCE_JOB, COPY_FILE
from service.jobs.states import TERMINAL
from service.jobs.tables import Job

_MARK = "tunehouse"


def owner_mark(team_id: str) -> str:
    """Return the name prefix of a team's copies, which differs from that of other installations."""
    return f"{_MARK}-{hashlib.sha256(team_id.encode()).hexdigest()[:12]}-"


class CopyName(NamedTuple):
    """One content of one team at one provider: the subject of a `COPY_FILE`."""

    provider: str
    team_id: str
    sha256: str

    @property
    def filename(self) -> str:
        """The name of the copy at the provider. It reveals nothing, and identifies the copy in listings."""
        return f"{owner_mark(self.team_id)}{hashlib.sha256('/'.join(self).encode()).hexdigest()[:40]}.jsonl"


def collect_copies(session: Session, job: Job) -> bool:
    """Set a locked job's provider file ids; False while a copy is missing.

    Schedules the missing copies. Each wakes the job when it is done.
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
        work.schedule(session, ADVANCE_JOB, job_id, team_id=name.team_id)


def _copy_or_order(session: Session, job: Job, file_id: str) -> str | None:
    file = session.get_one(File, file_id)
    copy = find_copy(session, file, job.provider)
    if copy is not None:
        return copy.provider_file_id
    name = CopyName(job.provider, file.team_id, file.sha256)
    work.schedule(session, COPY_FILE, name._asdict(), team_id=job.team_id)
    return None

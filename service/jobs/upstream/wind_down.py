"""Close a provider that accepts no new training jobs: fail its unsent jobs and delete its file copies."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.core import work
from service.files.copies import forget_copy, order_removal
from service.files.tables import FileCopy
from service.jobs.actions import fail_unsent
from service.jobs.admission.checks import CLOSED
from service.jobs.blocks import BlockKind, block_on, raise_block
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.tables import Job

_AT_ONCE = 200
CODE = "training_not_available"


def close_provider(session: Session, provider: str, message: str) -> int:
    """Record that `provider` has ended training for us, and fail its unsent jobs; returns how many.

    Jobs that are locked at this moment, and those beyond the first 200, are woken and fail in their own step.
    """
    raise_block(session, provider, BlockKind.WOUND_DOWN, message, until=None)
    unsent = (
        select(Job)
        .where(Job.provider == provider, Job.finished_at.is_(None), Job.intended_at.is_(None))
        .order_by(Job.id)
    )
    jobs: Sequence[Job] = session.scalars(
        unsent.limit(_AT_ONCE).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    ).all()
    for job in jobs:
        end_for_closed(session, job, message)
    session.flush()
    for job_id, team_id in session.execute(unsent.with_only_columns(Job.id, Job.team_id)):
        work.schedule(session, ADVANCE_JOB, job_id, team_id=team_id)
    for copy in session.scalars(select(FileCopy).where(FileCopy.provider == provider)):
        order_removal(session, copy)
    return len(jobs)


def end_if_closed(session: Session, job: Job) -> bool:
    """Fail a locked, unsent job if its provider has ended training; False if it has not."""
    block = block_on(session, job.provider, job.base_model, (BlockKind.WOUND_DOWN,))
    if block is not None:
        end_for_closed(session, job, block.message)
    return block is not None


def end_for_closed(session: Session, job: Job, message: str) -> None:
    """Fail a job whose provider has ended training."""
    fail_unsent(session, job, code=CODE, message=f"{CLOSED}: {message}", param="model")


def abandon_copy(session: Session, copy: FileCopy) -> bool:
    """Delete the record of a copy that is to be deleted; returns False while an unfinished job needs it."""
    theirs = copy.provider_file_id
    needs = or_(Job.provider_training_file == theirs, Job.provider_validation_file == theirs)
    living = select(Job.id).where(Job.provider == copy.provider, Job.finished_at.is_(None), needs)
    if session.scalar(living.limit(1)) is not None:
        return False
    forget_copy(session, copy)
    return True

"""Take a running migration further: create the next jobs, and follow them to the models that they make.

Everything that a step does is recorded in the transaction that does it: the successor of a killed worker
finds a job or a comparison with its id in the step, or none. No network: jobs and comparisons have their own
work. A transaction begins at most one of them, because it locks files before accounts, as others do.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.errors import Conflict, QuotaExceeded, TunehouseError
from service.files.actions import mark_used
from service.jobs.actions import create_job
from service.jobs.schemas import JobCreate, JobOptions
from service.jobs.states import JobStatus
from service.jobs.tables import Job, JobCheckpoint
from service.model_migrations import comparing, ending, merging, reserve
from service.model_migrations.queries import steps_of
from service.model_migrations.tables import OPEN, MigrationStatus, MigrationStep, ModelMigration, StepStatus
from service.models.tables import TunedModel
from service.teams.quotas.actions import Quota, require_room

# The end of a job or a comparison wakes its migration. These are a safety net for that, and the way to see
# that a model was deployed, or a merged file checked.
_NOW = timedelta(0)
_LOOK_AGAIN = timedelta(seconds=30)
_LOOK_SOON = timedelta(seconds=2)


def advance(session: Session, migration_id: str) -> timedelta | None:
    """Advance a migration and return how long to wait before the next call; None once it has ended."""
    locked = select(ModelMigration).where(ModelMigration.id == migration_id).with_for_update()
    migration = session.scalars(locked.execution_options(populate_existing=True)).one()
    if migration.status != MigrationStatus.RUNNING:
        return None
    steps = {step.position: step for step in steps_of(session, migration)}
    for step in steps.values():  # parents first, so that what a parent has made is used at once
        parent = steps[step.starts_from] if step.starts_from else None
        if _advance_step(session, migration, step, parent):
            return _NOW
    living = [step for step in steps.values() if step.status in OPEN]
    if not living:
        ending.end(session, migration, ending.outcome(session, migration))
        return None
    merges = any(step.status == StepStatus.WAITING and len(step.training_files) > 1 for step in living)
    return _LOOK_SOON if merges else _LOOK_AGAIN


def _advance_step(
    session: Session, migration: ModelMigration, step: MigrationStep, parent: MigrationStep | None
) -> bool:
    """Take one step as far as it gets; returns whether it has begun a job or a comparison."""
    before = step.job_id, step.comparison_id
    if step.status == StepStatus.WAITING:
        _begin(session, migration, step, parent)
    if step.status == StepStatus.TRAINING:
        _look_at_job(session, step)
    if step.status == StepStatus.COMPARING:
        comparing.compare(session, migration, step)
    return before != (step.job_id, step.comparison_id)


def _begin(
    session: Session, migration: ModelMigration, step: MigrationStep, parent: MigrationStep | None
) -> None:
    """Create a step's job once what it starts from and its data are there."""
    if step.produced is not None:  # made by an earlier migration
        _has_model(step)
    elif parent is not None and parent.produced is None:
        if parent.status not in OPEN:
            step.status = StepStatus.SKIPPED
            step.reason = f"{parent.source_id}, which it starts from, was not made again."
    else:
        try:
            start = step.base if parent is None else _start_of(session, step, parent)
            file_id = merging.training_file(session, migration, step)
            if file_id is not None:
                _create_job(session, migration, step, start, file_id)
        except TunehouseError as refusal:
            step.status, step.reason = StepStatus.FAILED, refusal.message


def _has_room(session: Session, migration: ModelMigration) -> bool:
    """Whether the team may have another unfinished job; if not, the step waits until one ends."""
    try:
        require_room(session, migration.team_id, Quota.QUEUED_JOBS)
    except QuotaExceeded:
        return False
    return True


def _start_of(session: Session, step: MigrationStep, parent: MigrationStep) -> str:
    """The model or checkpoint that a step's job starts from. Raises `Conflict` if there is none."""
    if step.checkpoint_step is None:
        return str(parent.produced)
    job_id = session.get_one(TunedModel, parent.produced).job_id
    same = JobCheckpoint.job_id == job_id, JobCheckpoint.step == step.checkpoint_step
    found = session.scalar(select(JobCheckpoint.model_id).where(*same))
    if found is None:
        raise Conflict(f"Job {job_id} has no checkpoint at step {step.checkpoint_step} to start from.")
    return found


def _create_job(
    session: Session, migration: ModelMigration, step: MigrationStep, start: str, file_id: str
) -> None:
    # Files and quota before accounts: the order in which a new job locks them.
    mark_used(session, file_id, *step.body.get("validation_file", "").split(), used_by=migration.id)
    if not _has_room(session, migration):
        return
    most = reserve.most_for(session, migration, step.training_usd)
    body = JobCreate.model_validate(step.body | {"model": start, "training_file": file_id})
    if most is not None:
        body = body.model_copy(update={"tunehouse": JobOptions(max_cost_usd=most)})
    # Before the job places its own hold for the same money. If it is refused, the share is not needed.
    step.status = StepStatus.TRAINING
    reserve.hold_rest(session, migration)
    with session.begin_nested():
        job = create_job(
            session,
            team_id=migration.team_id,
            key_id=migration.key_id,
            body=body,
            migration_id=migration.id,
        )
    step.job_id = job.id


def _look_at_job(session: Session, step: MigrationStep) -> None:
    job = session.get_one(Job, step.job_id)
    if not job.has_ended:
        return
    if job.status != JobStatus.SUCCEEDED or job.fine_tuned_model is None:
        said = (job.error or {}).get("message")
        step.status, step.reason = (
            StepStatus.FAILED,
            f"Job {job.id} {job.status}{f': {said}' if said else '.'}",
        )
        return
    step.produced = job.fine_tuned_model
    session.get_one(TunedModel, step.produced).migrated_from = step.source_id
    _has_model(step)


def _has_model(step: MigrationStep) -> None:
    step.status = StepStatus.COMPARING if step.prompts_file else StepStatus.MADE

"""The moves of a job, by status: check the files, start, take a step, pause.

validating_files -> queued -> running -> succeeded
                      ^         |  \\-> pausing -> paused
                      |         |                   |
                      +---------|-------------------+     any of them -> failed | cancelled
"""

from __future__ import annotations

from collections.abc import Iterator

from trainer.core import Core
from trainer.engines.base import Progress, TrainingFailedError
from trainer.storage.records import JobFailure, JobRecord, PlanRecord
from trainer.training.keep import keep_checkpoint, save_checkpoints
from trainer.training.log import log_event
from trainer.training.outcome import fail_job, succeed_job
from trainer.training.spec import build_spec


def check_files(core: Core, job: JobRecord, at: float) -> None:
    """Validate and move to the queue, or fail."""
    try:
        plan = core.engine.check(build_spec(core, job))
    except TrainingFailedError as error:
        at = core.moment(at)
        with core.store.transaction():
            if current := still(core, job.id, "validating_files"):
                fail_job(core, current, at, JobFailure(error.code, error.message, error.param))
        return
    at = core.moment(at)
    with core.store.transaction():
        if current := still(core, job.id, "validating_files"):
            for note in plan.notes:
                log_event(core, current, at, note, level="warn")
            log_event(core, current, at, "Files validated, moving job to queued state")
            current.plan = plan
            current.status = "queued"
            current.due_at = at + core.engine.pace_s
            core.store.jobs.put(current)


def start_job(core: Core, job_id: str, at: float) -> bool:
    """Move a queued job to running; False when it is queued no longer."""
    at = core.moment(at)
    with core.store.transaction():
        job = still(core, job_id, "queued")
        if job is None or job.plan is None:
            return False
        log_event(core, job, at, "Fine-tuning job resumed" if job.step else "Fine-tuning job started")
        job.status = "running"
        job.due_at = at + core.engine.pace_s
        job.estimated_finish = _estimate_finish(core, job, at)
        core.store.jobs.put(job)
    return True


def take_step(core: Core, job: JobRecord, at: float, run: Iterator[Progress]) -> None:
    """Train to the next reported step and record it, unless the job was stopped in the meantime."""
    try:
        progress = next(run, None)
        if progress:
            save_checkpoints(core, job, progress)
    except TrainingFailedError as error:
        at = core.moment(at)
        with core.store.transaction():
            if current := still(core, job.id, "running", "pausing"):
                fail_job(core, current, at, JobFailure(error.code, error.message, error.param))
        return
    at = core.moment(at)
    with core.store.transaction():
        current = still(core, job.id, "running", "pausing")
        if current is None:
            return
        if progress is None:
            raise RuntimeError(f"the engine stopped at step {current.step} of job {job.id}")
        _record_progress(core, current, at, progress)
        if current.plan and is_end(current.plan, progress):
            succeed_job(core, current, at)
            return
        if current.status == "pausing":
            rest_job(core, current, at)
            return
        current.due_at = at + core.engine.pace_s
        if progress.eta_s is not None:
            current.estimated_finish = round(at + progress.eta_s)
        else:
            current.estimated_finish = _estimate_finish(core, current, at)
        core.store.jobs.put(current)


def rest_job(core: Core, job: JobRecord, at: float) -> None:
    """Move the job to `paused`; only a resume or a cancel moves it again."""
    log_event(core, job, at, "Fine-tuning job paused")
    job.status = "paused"
    job.due_at = None
    job.estimated_finish = None
    core.store.jobs.put(job)


def still(core: Core, job_id: str, *statuses: str) -> JobRecord | None:
    """The job's current row if it has one of the statuses, else None."""
    job = core.store.jobs.get(job_id)
    return job if job and job.status in statuses else None


def is_end(plan: PlanRecord, progress: Progress) -> bool:
    """Whether the job is over with this step, as planned or sooner."""
    return progress.is_last or progress.step >= plan.total_steps


def _record_progress(core: Core, job: JobRecord, at: float, progress: Progress) -> None:
    for warning in progress.warnings:
        log_event(core, job, at, warning, level="warn")
    if progress.message:
        log_event(core, job, at, progress.message, metrics=progress.metrics)
    job.step = progress.step
    job.tokens_so_far = progress.tokens
    job.training_s += progress.seconds
    is_last = job.plan is not None and is_end(job.plan, progress)
    for kept in progress.earlier:
        keep_checkpoint(core, job, at, kept.step, kept.metrics, is_last=False)
    if progress.checkpoint:
        keep_checkpoint(core, job, at, progress.step, progress.metrics, is_last=is_last)


def _estimate_finish(core: Core, job: JobRecord, at: float) -> int | None:
    if job.plan is None or core.engine.pace_s == 0:
        return None
    return round(at + core.engine.steps_left(job.plan, job.step) * core.engine.pace_s)

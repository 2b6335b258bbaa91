"""Cancels, pauses and resumes jobs."""

from __future__ import annotations

from trainer.core import Core
from trainer.errors import bad_request, not_found
from trainer.storage.records import JobRecord
from trainer.training.log import log_event
from trainer.training.outcome import TERMINAL, cancel_job


def find_job(core: Core, job_id: str) -> JobRecord:
    """The job; raises a 404 `ApiError`."""
    job = core.store.jobs.get(job_id)
    if job is None:
        message = f"Could not find fine tune: {job_id}"
        error = not_found("fine_tuning.job", job_id, "fine_tuning_job_id")
        error.message, error.code = message, "fine_tune_not_found"
        raise error
    return job


def cancel(core: Core, job_id: str) -> JobRecord:
    """Stop a job that has not ended; raises a 400 `ApiError` for one that has."""
    with core.store.transaction():
        job = find_job(core, job_id)
        if job.status in TERMINAL:
            raise bad_request(f"Job has already completed: {job_id}")
        cancel_job(core, job, core.clock.now())
    return job


def pause(core: Core, job_id: str) -> JobRecord:
    """Make a running job pause at its next step; raises a 400 `ApiError` in any other status."""
    with core.store.transaction():
        job = find_job(core, job_id)
        if job.status not in ("running", "pausing"):
            raise bad_request(f"Job {job_id} is {job.status}; only a running job can be paused.")
        if job.status == "running":
            log_event(core, job, core.clock.now(), "Pausing fine-tuning job")
            job.status = "pausing"
            core.store.jobs.put(job)
    return job


def resume(core: Core, job_id: str) -> JobRecord:
    """Put a paused job back into the queue; raises a 400 `ApiError` in any other status."""
    with core.store.transaction():
        job = find_job(core, job_id)
        if job.status != "paused":
            raise bad_request(f"Job {job_id} is {job.status}; only a paused job can be resumed.")
        now = core.clock.now()
        log_event(core, job, now, "Fine-tuning job moved back to queued state")
        job.status = "queued"
        job.due_at = now + core.engine.pace_s
        core.store.jobs.put(job)
    return job

"""Ends jobs: succeeded, failed or cancelled, with events and webhook, in the caller's transaction."""

from __future__ import annotations

from trainer.core import Core
from trainer.storage.records import JobFailure, JobRecord
from trainer.training.log import log_event
from trainer.training.results import write_results
from trainer.webhooks.outbox import queue_webhook

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


def succeed_job(core: Core, job: JobRecord, at: float) -> None:
    """Write the result file and announce the model that the last checkpoint made."""
    job.result_files = [file.id for file in write_results(core, job)]
    job.trained_tokens = job.tokens_so_far
    log_event(core, job, at, f"New fine-tuned model created: {job.fine_tuned_model}")
    log_event(core, job, at, "The job has successfully completed")
    _finish(core, job, at, "succeeded")


def fail_job(core: Core, job: JobRecord, at: float, failure: JobFailure) -> None:
    """Fail a job: record the reason and an error event. No tokens are billed."""
    job.failure = failure
    job.fine_tuned_model = None
    log_event(core, job, at, failure.message, level="error")
    _finish(core, job, at, "failed")


def cancel_job(core: Core, job: JobRecord, at: float) -> None:
    """Cancel a job; `trained_tokens` reports what was trained until then.

    Whether OpenAI bills a cancelled job is unknown; Azure bills the work done, and so does this server.
    """
    job.trained_tokens = job.tokens_so_far or None
    log_event(core, job, at, "Fine-tuning job cancelled")
    _finish(core, job, at, "cancelled")


def _finish(core: Core, job: JobRecord, at: float, status: str) -> None:
    job.status = status
    job.finished_at = int(at)
    job.estimated_finish = None
    job.due_at = None
    core.store.jobs.put(job)
    queue_webhook(core, f"fine_tuning.job.{status}", job.id, int(at))

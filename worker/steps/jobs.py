"""Take a job one step further: each step is claim → call → record."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.errors import TunehouseError
from service.events.types import EventType
from service.jobs import actions
from service.jobs.blocks import BlockKind, block_on
from service.jobs.queries import locked_job
from service.jobs.states import JobStatus, JobStep, next_step
from service.jobs.tables import Job
from service.jobs.upstream import provider_files, snapshots, wind_down
from service.providers.registry import is_configured
from service.settings import settings
from worker.provider_failures import retried
from worker.retry import spread
from worker.steps.creating import create
from worker.steps.following import follow, request_action

_NOW = timedelta(0)
_FILES_SOON = timedelta(seconds=1)
_PARKED = timedelta(hours=1)
_AT_PROVIDER = frozenset({JobStep.COPY_FILES, JobStep.CREATE, JobStep.REQUEST_ACTION, JobStep.FOLLOW})
_CALLING = frozenset({JobStep.CREATE, JobStep.REQUEST_ACTION, JobStep.FOLLOW})


@retried
def advance(lease: Lease) -> None:
    """Do the next step of a job."""
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        step = next_step(job.facts)
        if step in _AT_PROVIDER and not is_configured(job.provider):
            actions.park(session, job)
            work.finish(session, lease, next_in=_PARKED)
            return
        known = snapshots.known_events(session, job.id) if step is JobStep.FOLLOW else frozenset()
        if step in _CALLING:
            block = block_on(session, job.provider, job.base_model, (BlockKind.RATE,))
            if block is not None and block.until is not None:
                # Spread, so that the jobs do not all return at once and exceed the limit again.
                work.finish(session, lease, next_in=spread(block.until - clock.now()))
                return
    if step is JobStep.FOLLOW:
        follow(lease, job, known)
    else:
        _STEPS[step](lease, job)


def _nothing(lease: Lease, _: Job) -> None:
    with transaction() as session:
        work.finish(session, lease)


def _admit(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if job.has_ended:  # cancelled since this step began
            work.finish(session, lease)
            return
        try:
            ready = actions.admit_job(session, job)
        except TunehouseError as refusal:
            actions.refuse_unsent(session, job, refusal)
            ready = True
        work.finish(session, lease, next_in=_NOW if ready else _FILES_SOON)


def _copy_files(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if wind_down.end_if_closed(session, job):
            work.finish(session, lease)
            return
        copied = provider_files.collect_copies(session, job)
        # The copy's own step wakes the job; the pause covers a lost wake-up.
        work.finish(session, lease, next_in=_NOW if copied else timedelta(seconds=settings().poll_interval_s))


def _queue(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if not job.has_ended:
            # A team's jobs are sent in the order of their creation.
            job.queued_at = job.created_at
            job.status = JobStatus.QUEUED
            actions.append_event(
                session, job, EventType.JOB_MESSAGE, "The files are ready; the job is queued."
            )
        work.finish(session, lease, next_in=_NOW)


def _cancel_unsent(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        message = "Cancelled before it was sent."
        actions.end_unsent(session, job, JobStatus.CANCELLED, EventType.JOB_CANCELLED, message)
        work.finish(session, lease)


_STEPS: Mapping[JobStep, Callable[[Lease, Job], None]] = {
    JobStep.NOTHING: _nothing,
    JobStep.ADMIT: _admit,
    JobStep.COPY_FILES: _copy_files,
    JobStep.QUEUE: _queue,
    JobStep.CREATE: create,
    JobStep.CANCEL_UNSENT: _cancel_unsent,
    JobStep.REQUEST_ACTION: request_action,
}

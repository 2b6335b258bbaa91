"""Take a job one step further: each step is claim → call → record."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.errors import TunehouseError
from service.events.types import EventType
from service.jobs import actions, admit, copying, record
from service.jobs.queries import locked_job
from service.jobs.record import Snapshot
from service.jobs.states import TERMINAL, JobStatus, Step, Wish, next_step, poll_pause_s, status_from
from service.jobs.tables import Job
from service.providers.errors import Gone, Rejected
from service.providers.port import STAMP_KEY, Provider, ProviderJob, ProviderJobSpec
from service.providers.registry import get_provider
from service.providers.scrub import rename_ids
from service.settings import settings
from worker.provider_failures import retried

log = structlog.get_logger(__name__)

_NOW = timedelta(0)
_FILES_SOON = timedelta(seconds=1)


@retried
def advance(lease: Lease) -> None:
    """Do the next step of one job; what the provider refuses ends it."""
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
    _STEPS[next_step(job.facts)](lease, job)


def _nothing(lease: Lease, _: Job) -> None:
    with transaction() as session:
        work.finish(session, lease)


def _admit(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        try:
            ready = admit.admit(session, job)
        except TunehouseError as refusal:
            actions.fail_unsent(
                session, job, code=refusal.error_code, message=refusal.message, param=refusal.param
            )
            ready = True
        work.finish(session, lease, next_in=_NOW if ready else _FILES_SOON)


def _copy_files(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        copied = copying.collect_copies(session, job)
        # The copy's own step wakes the job; the pause is for a wake-up that got lost.
        work.finish(session, lease, next_in=_NOW if copied else timedelta(seconds=settings().poll_interval_s))


def _create(lease: Lease, job: Job) -> None:
    provider = get_provider(job.provider)
    sent_before = job.intended_at is not None
    if not sent_before:
        with transaction() as session:
            work.confirm(session, lease)
            intended = locked_job(session, job.id)
            if intended.has_ended:  # cancelled since this step began
                work.finish(session, lease)
                return
            intended.intended_at = clock.now()
    try:
        found = provider.find_job(job.id, since=job.intended_at) if sent_before else None
        created = found or provider.create_job(_spec(job))
    except Rejected as refusal:
        _refused(lease, refusal)
        return
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        job.provider_job_id = created.id
        record.record_snapshot(session, job, Snapshot(created))
        work.finish(session, lease, next_in=_pause(job))


def _refused(lease: Lease, refusal: Rejected) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        message = f"The provider refused the job: {rename_ids(refusal.message, job.our_names)}"
        actions.fail_unsent(session, job, code=refusal.code, message=message, param=refusal.param)
        work.finish(session, lease)


def _cancel_unsent(lease: Lease, _: Job) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        message = "Cancelled before it was sent."
        actions.end_unsent(session, job, JobStatus.CANCELLED, EventType.JOB_CANCELLED, message)
        work.finish(session, lease)


def _send_wish(lease: Lease, job: Job) -> None:
    provider = get_provider(job.provider)
    sent = Wish(str(job.wish))
    refusal: Rejected | None = None
    answer: ProviderJob | None = None
    try:
        answer = _call_for(provider, sent)(str(job.provider_job_id))
    except Rejected as said_no:
        refusal = said_no
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if job.wish == sent:
            job.wish = None
        if refusal is not None:
            reason = rename_ids(refusal.message, job.our_names)
            message = f"The provider refused to {sent} the job: {reason}"
            actions.tell(session, job, EventType.JOB_MESSAGE, message, level="warn")
        elif answer is not None and status_from(answer.status, JobStatus(job.status)) not in TERMINAL:
            # An end is recorded by the next step, which also fetches what the job left behind.
            record.record_snapshot(session, job, Snapshot(answer))
        work.finish(session, lease, next_in=_NOW)


def _call_for(provider: Provider, wish: Wish) -> Callable[[str], ProviderJob]:
    return {
        Wish.CANCEL: provider.cancel_job,
        Wish.PAUSE: provider.pause_job,
        Wish.RESUME: provider.resume_job,
    }[wish]


def _follow(lease: Lease, job: Job) -> None:
    with transaction() as session:
        known = record.known_events(session, job.id)
    try:
        seen = _look(get_provider(job.provider), job, known)
    except Gone as gone:
        _lost(lease, gone)
        return
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        record.record_snapshot(session, job, seen)
        work.finish(session, lease, next_in=None if job.has_ended else _pause(job))


def _lost(lease: Lease, gone: Gone) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        message = f"The provider has this job no longer: {rename_ids(gone.message, job.our_names)}"
        actions.fail_unsent(session, job, code="provider_job_lost", message=message, param=None)
        work.finish(session, lease)


def _look(provider: Provider, job: Job, known: frozenset[str]) -> Snapshot:
    """One round of questions. The job comes first: what it left behind is complete once it has ended."""
    answer = provider.get_job(str(job.provider_job_id))
    status = status_from(answer.status, JobStatus(job.status))
    events = list(provider.iter_events(answer.id, known))[::-1]
    fresh = any("checkpoint" in event.message.lower() for event in events)
    checkpoints = provider.list_checkpoints(answer.id) if fresh or status is JobStatus.SUCCEEDED else []
    results = _result_files(provider, answer) if status in TERMINAL else {}
    return Snapshot(answer, events, checkpoints, results)


def _result_files(provider: Provider, ended: ProviderJob) -> dict[str, bytes]:
    """What the ended job left behind; a file that the provider will not hand out is done without."""
    contents = {}
    for file_id in ended.result_file_ids:
        try:
            contents[file_id] = provider.read_file(file_id)
        except Rejected as refusal:
            log.warning("result_file_refused", reason=refusal.message)
    return contents


def _pause(job: Job) -> timedelta:
    age_s = (clock.now() - job.changed_at).total_seconds()
    return timedelta(seconds=poll_pause_s(age_s, settings().poll_interval_s))


def _spec(job: Job) -> ProviderJobSpec:
    # The team's own metadata stays with us: the provider needs nothing but the stamp.
    return ProviderJobSpec(
        model=job.provider_model,
        training_file_id=str(job.provider_training_file),
        validation_file_id=job.provider_validation_file,
        method=job.method,
        suffix=job.suffix,
        seed=job.seed,
        metadata={STAMP_KEY: job.id},
        integrations=job.integrations,
    )


_STEPS: Mapping[Step, Callable[[Lease, Job], None]] = {
    Step.NOTHING: _nothing,
    Step.ADMIT: _admit,
    Step.COPY_FILES: _copy_files,
    Step.CREATE: _create,
    Step.CANCEL_UNSENT: _cancel_unsent,
    Step.SEND_WISH: _send_wish,
    Step.FOLLOW: _follow,
}

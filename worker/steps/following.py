"""Poll a provider for a job, and pass on the actions that its team requests."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.events.types import EventType
from service.jobs import actions
from service.jobs.queries import locked_job
from service.jobs.states import TERMINAL, JobStatus, RequestedAction, status_from
from service.jobs.tables import Job
from service.jobs.upstream import snapshots
from service.jobs.upstream.snapshots import Snapshot
from service.providers.errors import Gone, ProviderError, Rejected, Retryable
from service.providers.port import Provider, ProviderCheckpoint, ProviderEvent, ProviderJob
from service.providers.registry import get_provider
from service.providers.results import MAX_RESULT_BYTES
from service.providers.scrub import rename_ids
from worker.provider_failures import noting_throttles
from worker.steps.pacing import next_look

log = structlog.get_logger(__name__)

_PATIENCE = 3  # attempts before a job is recorded without its log, if the provider refuses the log


def follow(lease: Lease, job: Job, known: frozenset[str]) -> None:
    """Update a job from its provider; `known` are the provider's ids of events that were copied before."""
    try:
        with noting_throttles(job.provider):
            patient = lease.attempts <= _PATIENCE
            seen = _look(lease, get_provider(job.provider), job, known, patient=patient)
    except Gone as gone:
        _lost(lease, gone)
        return
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        snapshots.record_snapshot(session, job, seen)
        work.finish(session, lease, next_in=None if job.has_ended else next_look(session, job))


def request_action(lease: Lease, job: Job) -> None:
    """Ask the provider to cancel, pause or resume a job; its answer decides the status."""
    sent = RequestedAction(str(job.requested))
    refusal: Rejected | None = None
    answer: ProviderJob | None = None
    try:
        with noting_throttles(job.provider):
            answer = _call_for(get_provider(job.provider), sent)(str(job.provider_job_id))
    except Rejected as said_no:
        refusal = said_no
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if job.requested == sent:
            job.requested = None
        if refusal is not None:
            reason = rename_ids(refusal.message, job.our_names)
            message = f"The provider refused to {sent} the job: {reason}"
            actions.append_event(session, job, EventType.JOB_MESSAGE, message, level="warn")
        elif answer is not None and status_from(answer.status, JobStatus(job.status)) not in TERMINAL:
            # An end is recorded by the next step, which also fetches what the job left behind.
            snapshots.record_snapshot(session, job, Snapshot(answer))
        work.finish(session, lease, next_in=timedelta(0))


def _call_for(provider: Provider, action: RequestedAction) -> Callable[[str], ProviderJob]:
    return {
        RequestedAction.CANCEL: provider.cancel_job,
        RequestedAction.PAUSE: provider.pause_job,
        RequestedAction.RESUME: provider.resume_job,
    }[action]


def _lost(lease: Lease, gone: Gone) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        message = f"The provider no longer has this job: {rename_ids(gone.message, job.our_names)}"
        actions.fail_unsent(session, job, code="provider_job_lost", message=message, param=None)
        work.finish(session, lease)


def _look(lease: Lease, provider: Provider, job: Job, known: frozenset[str], *, patient: bool) -> Snapshot:
    """Poll the job, then its log and results. In this order they are complete once the job has ended.

    If the log is refused or unreadable, the step is retried while `patient`; then the job is recorded without
    the log.
    """
    answer = provider.get_job(str(job.provider_job_id))
    status = status_from(answer.status, JobStatus(job.status))
    try:
        left_some = status in (JobStatus.SUCCEEDED, JobStatus.CANCELLED)
        events, checkpoints = _log(lease, provider, answer, known, ended=left_some)
    except ProviderError as failure:
        if not isinstance(failure, Rejected) and failure.code != "malformed_answer":
            raise
        if patient:
            raise Retryable(f"The job's log cannot be read: {failure.message}") from failure
        log.warning("provider_log_skipped", reason=failure.message)
        events, checkpoints = [], []
    results = _result_files(provider, answer) if status in TERMINAL else {}
    return Snapshot(answer, events, checkpoints, results)


def _log(
    lease: Lease, provider: Provider, job: ProviderJob, known: frozenset[str], *, ended: bool
) -> tuple[list[ProviderEvent], list[ProviderCheckpoint]]:
    """The newest page of new events, and the checkpoints, if there may be new ones.

    Earlier pages are recorded as they arrive: a log of any length needs the memory of two pages, and what was
    read is kept if a later page fails.
    """
    newest: list[ProviderEvent] = []
    fresh = ended
    for page in provider.iter_event_pages(job.id, known):
        if newest:
            _record_page(lease, job, newest)
        newest = page
        fresh = fresh or any("checkpoint" in event.message.lower() for event in page)
    return newest, provider.list_checkpoints(job.id) if fresh else []


def _record_page(lease: Lease, answer: ProviderJob, page: list[ProviderEvent]) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        work.confirm(session, lease)
        snapshots.record_events(session, job, answer, page)


def _result_files(provider: Provider, ended: ProviderJob) -> dict[str, bytes]:
    """The result files of a finished job, without those that the provider refuses to return.

    Together they are bounded like a single one, because they stay in memory until they are stored.
    """
    contents: dict[str, bytes] = {}
    for file_id in ended.result_file_ids:
        try:
            content = provider.read_file(file_id)
        except Rejected as refusal:
            log.warning("result_file_refused", reason=refusal.message)
            continue
        if sum(map(len, contents.values())) + len(content) > MAX_RESULT_BYTES:
            log.warning("result_files_too_large", kept=len(contents))
            break
        contents[file_id] = content
    return contents

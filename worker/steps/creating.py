"""Create a job at its provider, at most once.

intent committed ──► sent ──► recorded
      │                │
      │                └─ no answer, or a crash: search for the provider job by its stamp. "Not found" counts
      │                   only `create_grace_s` after the create was sent, because it may arrive late.
      └─ refused or never sent: the intent is withdrawn, and the job waits in the queue again
"""

from datetime import datetime, timedelta

import structlog

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.errors import TunehouseError
from service.events.types import EventType
from service.jobs import actions, queue
from service.jobs.admission.checks import check_admission
from service.jobs.admission.request import request_of_job
from service.jobs.blocks import ALL_MODELS, BlockKind, block_on, daily_end, raise_block
from service.jobs.queries import locked_job
from service.jobs.states import JobStatus, RequestedAction
from service.jobs.tables import Job
from service.jobs.upstream import snapshots, wind_down
from service.jobs.upstream.snapshots import Snapshot
from service.providers.errors import Rejected, Retryable, Throttled, WoundDown
from service.providers.kinds.capabilities import capabilities_of
from service.providers.port import ProviderJob, ProviderJobSpec
from service.providers.registry import get_provider, provider_settings
from service.providers.scrub import rename_ids
from service.settings import settings
from worker.provider_failures import JOB_LIMITS, noting_throttles, wait_after
from worker.steps.pacing import next_look

log = structlog.get_logger(__name__)

_LOOK_AGAIN = timedelta(seconds=5)
_QUOTA_PAUSE = timedelta(minutes=10)


def create(lease: Lease, job: Job) -> None:
    """Send a job whose turn it is, or find the outcome of an earlier attempt."""
    if job.intended_at is None:
        if not _files_ready(lease, job) or not _intend(lease):
            return
    else:
        looked_at = clock.now()  # the search may miss what appears while it runs
        with noting_throttles(job.provider):
            found = get_provider(job.provider).find_job(job.id, since=job.intended_at)
        if found is not None:
            _adopt(lease, found)
            return
        if not _send_again(lease, looked_at):
            return
    try:
        with noting_throttles(job.provider):
            created = get_provider(job.provider).create_job(_spec(job))
    except Rejected as refusal:
        _refused(lease, refusal)
    except Throttled as limit:
        until = _note_limit(lease, limit) if limit.code in JOB_LIMITS else None
        _not_sent(lease, until - clock.now() if until else wait_after(lease, limit))
    except Retryable as failure:
        _not_sent(lease, wait_after(lease, failure), to_the_end=True)
    else:
        _adopt(lease, created)


def _files_ready(lease: Lease, job: Job) -> bool:
    """Whether the provider has checked the job's files; if not, looks again later, or fails the job."""
    if not capabilities_of(provider_settings(job.provider).kind).checks_files:
        return True
    files = [file for file in (job.provider_training_file, job.provider_validation_file) if file]
    with noting_throttles(job.provider):
        provider = get_provider(job.provider)
        states = [provider.file_state(file) for file in files]
    if all(state.is_ready for state in states):
        return True
    problem = next((state.problem for state in states if state.problem), None)
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        work.confirm(session, lease)
        if problem is not None:
            message = f"The provider refused the dataset: {rename_ids(problem, job.our_names)}"
            actions.fail_unsent(session, job, code="invalid_file", message=message, param="training_file")
        work.finish(session, lease, next_in=None if job.has_ended else _LOOK_AGAIN)
    return False


def _intend(lease: Lease) -> bool:
    """Commit the intent to send the job; False if it must wait or has ended."""
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        work.confirm(session, lease)
        if job.has_ended:  # cancelled since this step began
            work.finish(session, lease)
            return False
        try:
            check_admission(session, request_of_job(session, job))
        except TunehouseError as refusal:  # for example a date passed, or its parent was deleted meanwhile
            actions.refuse_unsent(session, job, refusal)
            work.finish(session, lease)
            return False
        wait = queue.check_turn(session, job)
        if wait is not None:
            work.finish(session, lease, next_in=max(wait.until - clock.now(), timedelta(seconds=1)))
            return False
        job.intended_at = job.sent_at = clock.now()
    return True


def _send_again(lease: Lease, looked_at: datetime) -> bool:
    """Whether to send a job again that the provider did not have at `looked_at`.

    If a cancel was requested, ends the job instead.
    """
    grace = timedelta(seconds=settings().create_grace_s)
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        work.confirm(session, lease)
        left = (job.sent_at or looked_at) + grace - looked_at
        if left > timedelta(0):
            work.finish(session, lease, next_in=min(left, _LOOK_AGAIN))
            return False
        if job.requested == RequestedAction.CANCEL:
            message = "Cancelled. The provider never received the job."
            actions.end_unsent(session, job, JobStatus.CANCELLED, EventType.JOB_CANCELLED, message)
            work.finish(session, lease)
            return False
        job.sent_at = clock.now()
    return True


def _adopt(lease: Lease, created: ProviderJob) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if snapshots.is_taken(session, job, created.id):
            log.error("provider_job_repeated", job_id=job.id, provider=job.provider)
            message = "The provider answered with the job of another job. Contact an administrator."
            actions.fail_unsent(session, job, code="provider_job_repeated", message=message, param=None)
            work.finish(session, lease)
            return
        job.provider_job_id = created.id
        job.sent_at = None
        snapshots.record_snapshot(session, job, Snapshot(created))
        work.finish(session, lease, next_in=timedelta(0) if job.requested else next_look(session, job))


def _refused(lease: Lease, refusal: Rejected) -> None:
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        said = rename_ids(refusal.message, job.our_names)
        if isinstance(refusal, WoundDown):
            ended = wind_down.close_provider(session, job.provider, said)
            log.error("provider_wound_down", provider=job.provider, jobs_ended=ended + 1)
            wind_down.end_for_closed(session, job, said)
        else:
            message = f"The provider refused the job: {said}"
            actions.fail_unsent(session, job, code=refusal.code, message=message, param=refusal.param)
        work.finish(session, lease)


def _note_limit(lease: Lease, limit: Throttled) -> datetime:
    """Block the provider because of a limit on jobs, log it for the team, and return when the block ends."""
    now = clock.now()
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        if limit.code == "insufficient_quota":
            kind, model, until = BlockKind.QUOTA, ALL_MODELS, now + _QUOTA_PAUSE
        else:
            kind, model = BlockKind.DAILY, job.base_model
            until = daily_end(queue.sent_within_a_day(session, queue.queue_of(job)), now)
        if limit.retry_after_s:
            until = now + timedelta(seconds=limit.retry_after_s)
        said = rename_ids(limit.message, job.our_names)
        if block_on(session, job.provider, job.base_model, (kind,)) is None:
            when = f"{until:%Y-%m-%d %H:%M} UTC"
            message = (
                f"The provider accepts no more jobs for now. The next attempt is at {when}. Reason: {said}"
            )
            actions.append_event(session, job, EventType.JOB_MESSAGE, message, level="warn")
        raise_block(session, job.provider, kind, said, model=model, until=until)
    return until


def _not_sent(lease: Lease, wait: timedelta, *, to_the_end: bool = False) -> None:
    """Return an unsent job to the queue; `to_the_end` keeps it from delaying the others."""
    with transaction() as session:
        job = locked_job(session, lease.subject_id)
        job.intended_at = job.sent_at = None
        if to_the_end:
            job.queued_at = clock.now()
            actions.free_place(session, job)
        work.give_back(session, lease, retry_in=wait, error="not sent")


def _spec(job: Job) -> ProviderJobSpec:
    # The team's metadata is not sent; the provider gets only our stamp.
    return ProviderJobSpec(
        model=job.provider_model,
        training_file_id=str(job.provider_training_file),
        validation_file_id=job.provider_validation_file,
        method=job.method,
        suffix=job.suffix,
        seed=job.seed,
        stamp=job.id,
        integrations=job.integrations,
    )

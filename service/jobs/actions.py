"""Create jobs, record the actions that teams request, and end jobs that no provider has received."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from service.catalog.limits import job_limits
from service.core import clock, ids, work
from service.errors import InvalidRequest, TunehouseError
from service.events.actions import Level, NewEvent, append, append_all
from service.events.types import EventType
from service.files import actions as datasets
from service.jobs import queue
from service.jobs.admission.checks import Admission, check_admission, hold_cost
from service.jobs.admission.estimate import shared_rows
from service.jobs.admission.fit import check_action
from service.jobs.admission.request import method_of, request_of_body, request_of_job
from service.jobs.kinds import ADVANCE_JOB, ADVANCE_RETRAIN
from service.jobs.queries import count_unfinished
from service.jobs.schemas import JobCreate
from service.jobs.states import ALLOWED, JobStatus, RequestedAction
from service.jobs.tables import Job
from service.ledger.actions import release_hold
from service.models.actions import ADVANCE_MIGRATION
from service.providers.kinds.capabilities import capabilities_of, translate
from service.providers.registry import provider_settings
from service.teams.actions import team_in_service
from service.teams.quotas.actions import Quota, counted_by, require_room

CREATED = "Created fine-tuning job: {}"  # OpenAI's words

counted_by(Quota.QUEUED_JOBS, count_unfinished)


def create_job(
    session: Session,
    *,
    team_id: str,
    key_id: str,
    body: JobCreate,
    request_hash: bytes | None = None,
    retrain_id: str | None = None,
    migration_id: str | None = None,
) -> Job:
    """Create a job, hold its cost if its files are checked already, and wake a worker.

    Raises `NotFound`, `InvalidRequest`, `TrainingNotAvailable`, `PriceUnknown`, `BudgetExceeded` or
    `QuotaExceeded`; then nothing was created.
    """
    team_in_service(session, team_id)
    request = request_of_body(team_id, key_id, body)
    admission = check_admission(session, request)
    target, method = admission.target, method_of(body)
    now = clock.now()
    job = Job(
        id=ids.new_id("ftjob-"),
        team_id=team_id,
        key_id=key_id,
        model=target.model_id,
        base_model=target.base.id,
        parent_id=target.tuned.id if target.tuned else None,
        provider=target.provider,
        provider_model=target.provider_model,
        method_type=method.type,
        method={"type": method.type, method.type: method.settings.model_dump(exclude_none=True)},
        hyperparameters=method.settings.hyperparameters.model_dump() if method.type == "supervised" else None,
        training_file=body.training_file,
        validation_file=body.validation_file,
        suffix=body.suffix,
        seed=_seed(body, target.provider),
        labels=body.metadata,
        integrations=[item.model_dump(exclude_none=True) for item in body.integrations or ()],
        priority=body.tunehouse.priority if body.tunehouse else 0,
        request_hash=request_hash,
        retrain_id=retrain_id,
        migration_id=migration_id,
        status=JobStatus.VALIDATING_FILES,
        price_id=admission.price.id,
        billed_by=admission.price.kind.unit,
        estimated_cost_usd=None if admission.estimate is None else admission.estimate.cost_usd,
        result_files=[],
        created_at=now,
        changed_at=now,
    )
    session.add(job)
    session.flush()
    datasets.mark_used(session, *_files_of(job), used_by=job.id)
    created = NewEvent(EventType.JOB_CREATED, CREATED.format(job.id))
    _append(session, job, [created, *_plan(session, job, admission)])
    work.schedule(session, ADVANCE_JOB, job.id, team_id=job.team_id)
    # Last, because the quota and the accounts are shared: the team's other creates wait for them until this
    # transaction ends.
    require_room(session, team_id, Quota.QUEUED_JOBS, inserted=True)
    hold_cost(session, replace(request, job_id=job.id), admission.estimate)
    return job


def admit_job(session: Session, job: Job) -> bool:
    """Admit a locked job once its files are checked; returns False while they are still being checked.

    Raises the errors of `create_job` if the job cannot run.
    """
    request = request_of_job(session, job)
    admission = check_admission(session, request)
    if admission.estimate is None:
        return False
    job.estimated_cost_usd = admission.estimate.cost_usd
    _append(session, job, _plan(session, job, admission))
    hold_cost(session, request, admission.estimate)
    return True


def _seed(body: JobCreate, provider: str) -> int | None:
    """The seed that was asked for, or one of ours; none where the provider would not use it."""
    if body.seed is not None or "seed" in capabilities_of(provider_settings(provider).kind).limits:
        return body.seed
    return secrets.randbelow(2**31)


def _plan(session: Session, job: Job, admission: Admission) -> Iterator[NewEvent]:
    """Set what the admission decides about the job, and yield what its log says of it."""
    if admission.estimate is None or admission.training is None:
        return
    yield from _translate(job, admission.estimate.n_epochs)
    shared = shared_rows(session, admission.training, admission.validation)
    if shared is not None:
        yield NewEvent(EventType.JOB_MESSAGE, shared, "warn")


def _translate(job: Job, n_epochs: int) -> Iterator[NewEvent]:
    """Log the hyperparameters in the provider's words, and choose the epochs if the provider does not."""
    kind = provider_settings(job.provider).kind
    known = capabilities_of(kind)
    chosen = job.method[job.method_type].get("hyperparameters", {})
    if not known.chooses_epochs and chosen.get("n_epochs", "auto") == "auto":
        chosen = chosen | {"n_epochs": n_epochs}
        settings = job.method[job.method_type] | {"hyperparameters": chosen}
        job.method = job.method | {job.method_type: settings}
    if known.hyperparameters is not None:
        sent = ", ".join(f"{name} {value}" for name, value in translate(kind, chosen).items())
        message = f"Hyperparameters in the provider's terms: {sent or 'its defaults'}."
        yield NewEvent(EventType.JOB_MESSAGE, message)


def _append(session: Session, job: Job, events: Iterable[NewEvent]) -> None:
    append_all(session, team_id=job.team_id, subject_id=job.id, events=list(events))


def request_action(session: Session, job: Job, action: RequestedAction) -> Job:
    """Record an action for a locked job and wake a worker, which asks the provider.

    A job that was not sent yet is cancelled at once. Raises `InvalidRequest` if the job's status does not
    allow the action.
    """
    status = JobStatus(job.status)
    if job.requested == RequestedAction.CANCEL and action is not RequestedAction.CANCEL:
        raise InvalidRequest(
            f"Job {job.id} is being cancelled. You cannot {action} it any more.",
            param="fine_tuning_job_id",
            code="invalid_job_state",
        )
    # A resume withdraws a pause that was not sent yet, and otherwise is sent after it.
    taken_back = action is RequestedAction.RESUME and job.requested == RequestedAction.PAUSE
    if status not in ALLOWED[action] and not taken_back:
        raise InvalidRequest(
            f"Job {job.id} is {status}. You can {action} a job while it is "
            f"{' or '.join(sorted(ALLOWED[action]))}.",
            param="fine_tuning_job_id",
            code="invalid_job_state",
        )
    # A cancel is possible at every kind, and of a job whose provider was removed from the settings.
    if action is RequestedAction.PAUSE:
        check_action(job.provider, "pause")
    elif action is RequestedAction.RESUME:
        check_action(job.provider, "resume")
    job.requested = action
    if action is RequestedAction.CANCEL and job.intended_at is None:
        end_unsent(
            session, job, JobStatus.CANCELLED, EventType.JOB_CANCELLED, "Cancelled before it was sent."
        )
    work.schedule(session, ADVANCE_JOB, job.id, team_id=job.team_id)
    return job


def end_unsent(
    session: Session,
    job: Job,
    status: JobStatus,
    event: EventType,
    message: str,
    error: dict[str, Any] | None = None,
) -> None:
    """End a job that its provider never received: release its hold and charge nothing."""
    if job.has_ended:
        return
    job.status = status
    job.requested = None
    job.error = error
    job.finished_at = job.changed_at = clock.now()
    release_hold(session, team_id=job.team_id, subject_id=job.id)
    release(session, job)
    append_event(session, job, event, message, level="info" if error is None else "error")


def fail_unsent(session: Session, job: Job, *, code: str | None, message: str, param: str | None) -> None:
    """Fail a job that its provider does not have, with an error in OpenAI's shape."""
    error = {"code": code or "job_refused", "message": message, "param": param}
    end_unsent(session, job, JobStatus.FAILED, EventType.JOB_FAILED, message, error)


def refuse_unsent(session: Session, job: Job, refusal: TunehouseError) -> None:
    """Fail a job that must not be sent, with the error that would refuse a new one."""
    fail_unsent(session, job, code=refusal.error_code, message=refusal.message, param=refusal.param)


def release(session: Session, job: Job) -> None:
    """Release an ended job's files and its place at the provider, and wake what waits for it."""
    for file_id in _files_of(job):
        datasets.unmark_used(session, file_id=file_id, used_by=job.id)
    free_place(session, job)
    if job.retrain_id is not None:
        work.schedule(session, ADVANCE_RETRAIN, job.retrain_id, team_id=job.team_id)
    if job.migration_id is not None:
        work.schedule(session, ADVANCE_MIGRATION, job.migration_id, team_id=job.team_id)


def free_place(session: Session, job: Job) -> None:
    """Wake the next jobs in the queue, because this one has freed its place at the provider."""
    if job.queued_at is not None and job_limits(job.provider, job.base_model).known:
        queue.wake_next(session, queue.queue_of(job))


def park(session: Session, job: Job) -> None:
    """Log, once, that a job waits because its provider is not configured any more."""
    append(
        session,
        team_id=job.team_id,
        subject_id=job.id,
        type=EventType.JOB_MESSAGE,
        message=(
            f"The provider {job.provider!r} is not configured any more, so the job waits. It goes on within "
            "an hour after an administrator has configured the provider again."
        ),
        level="warn",
        source_key=f"parked:{job.provider}",
    )


def append_event(session: Session, job: Job, event: EventType, message: str, level: Level = "info") -> None:
    """Append one of our own events to the job's log."""
    append(session, team_id=job.team_id, subject_id=job.id, type=event, message=message, level=level)


def _files_of(job: Job) -> list[str]:
    named = (job.training_file, job.validation_file)
    return [file_id for file_id in dict.fromkeys(named) if file_id]

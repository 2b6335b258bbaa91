"""Create jobs, take wishes about them, and admit those whose files are ready."""

import secrets
from typing import Any

from sqlalchemy.orm import Session

from service.catalog.limits import job_limits
from service.catalog.offers import check_trainable
from service.core import clock, ids, work
from service.errors import InvalidRequest, TrainingNotAvailable
from service.events.actions import append
from service.events.types import EventType
from service.files import actions as datasets
from service.files.tables import File
from service.jobs import admission, queue
from service.jobs.retrain.waking import wake_retrain
from service.jobs.schemas import JobCreate
from service.jobs.states import ALLOWED, JobStatus, Wish
from service.jobs.tables import Job
from service.jobs.upstream.blocks import BlockKind, block_on
from service.jobs.upstream.copying import ADVANCE
from service.ledger.actions import release_hold
from service.ledger.budgets.actions import set_budget
from service.models.queries import Target, resolve
from service.models.shutdowns.checks import check_shutdown

CLOSED = "The provider takes no new fine-tuning jobs"
CREATED = "Created fine-tuning job: {}"  # OpenAI's words


def create_job(
    session: Session, *, team_id: str, key_id: str, body: JobCreate, request_hash: bytes | None = None
) -> Job:
    """A new job, its cost held when its files' reports are there, and the worker woken.

    Raises `NotFound`, `InvalidRequest`, `TrainingNotAvailable`, `PriceUnknown` or `BudgetExceeded`; then
    nothing was made.
    """
    method = admission.method_of(body)
    target = resolve(session, team_id, body.model)
    check_trainable(target.offer, method.type, clock.now().date())
    check_shutdown(session, target, acknowledged=bool(body.tunehouse and body.tunehouse.acknowledge_shutdown))
    check_open(session, target)
    if method.type == "reinforcement" and body.validation_file is None:
        raise InvalidRequest(
            "'reinforcement' needs a validation file.",
            param="validation_file",
            code="validation_file_required",
        )
    hyperparameters = method.settings.hyperparameters.model_dump()
    file = admission.check_files(
        session, team_id, target.base.formats[method.type], body.training_file, body.validation_file
    )
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
        hyperparameters=hyperparameters if method.type == "supervised" else None,
        training_file=body.training_file,
        validation_file=body.validation_file,
        suffix=body.suffix,
        seed=body.seed if body.seed is not None else secrets.randbelow(2**31),
        labels=body.metadata,
        integrations=[item.model_dump(exclude_none=True) for item in body.integrations or ()],
        priority=body.tunehouse.priority if body.tunehouse else 0,
        request_hash=request_hash,
        status=JobStatus.VALIDATING_FILES,
        billed_by=target.base.training_kind(method.type).unit,
        result_files=[],
        created_at=now,
        changed_at=now,
    )
    session.add(job)
    session.flush()
    for file_id in _files_of(job):
        datasets.mark_used(session, file_id=file_id, used_by=job.id)
    limit_usd = body.tunehouse.max_cost_usd if body.tunehouse else None
    if limit_usd is not None:
        # Before the hold, which this limit may refuse.
        set_budget(session, team_id, limit_usd=limit_usd, period="total", scope="job", account_id=job.id)
    if file is not None:
        planned = admission.plan(session, target, method.type, hyperparameters, file, max_cost_usd=limit_usd)
        job.estimated_cost_usd = admission.hold_cost(session, team_id, job.id, key_id, planned)
    tell(session, job, EventType.JOB_CREATED, CREATED.format(job.id))
    if file is not None:
        warn_of_shared_rows(session, job, file)
    work.schedule(session, ADVANCE, job.id)
    return job


def warn_of_shared_rows(session: Session, job: Job, training: File) -> None:
    """Say in a job's log, once its files are checked, that the validation repeats what it trains on."""
    shared = admission.shared_rows(session, job.team_id, training, job.validation_file)
    if shared is not None:
        tell(session, job, EventType.JOB_MESSAGE, shared, level="warn")


def check_open(session: Session, target: Target) -> None:
    """Refuse a job for a provider that has ended all training for us. Raises `TrainingNotAvailable`."""
    block = block_on(session, target.provider, target.base.id, (BlockKind.WOUND_DOWN,))
    if block is not None:
        raise TrainingNotAvailable(f"{CLOSED}: {block.message}", param="model")


def ask(session: Session, job: Job, wish: Wish) -> Job:
    """Note what the team wants of a locked job and wake a worker; the provider's answer decides.

    Raises `InvalidRequest` when the job's state does not allow it.
    """
    status = JobStatus(job.status)
    if job.wish == Wish.CANCEL and wish is not Wish.CANCEL:
        raise InvalidRequest(
            f"Job {job.id} is being cancelled.", param="fine_tuning_job_id", code="invalid_job_state"
        )
    # A pause that is on its way can be taken back; should it win, the resume follows it.
    taken_back = wish is Wish.RESUME and job.wish == Wish.PAUSE
    if status not in ALLOWED[wish] and not taken_back:
        raise InvalidRequest(
            f"Job {job.id} is {status}; only one that is {' or '.join(sorted(ALLOWED[wish]))} "
            f"can be asked to {wish}.",
            param="fine_tuning_job_id",
            code="invalid_job_state",
        )
    job.wish = wish
    if wish is Wish.CANCEL and job.intended_at is None:
        end_unsent(
            session, job, JobStatus.CANCELLED, EventType.JOB_CANCELLED, "Cancelled before it was sent."
        )
    work.schedule(session, ADVANCE, job.id)
    return job


def end_unsent(
    session: Session,
    job: Job,
    status: JobStatus,
    event: EventType,
    message: str,
    error: dict[str, Any] | None = None,
) -> None:
    """End a job that the provider never got: nothing is charged, the hold is released."""
    if job.has_ended:
        return
    job.status = status
    job.wish = None
    job.error = error
    job.finished_at = job.changed_at = clock.now()
    release_hold(session, team_id=job.team_id, subject_id=job.id)
    release_files(session, job)
    free_place(session, job)
    wake_retrain(session, job)
    tell(session, job, event, message, level="info" if error is None else "error")


def fail_unsent(session: Session, job: Job, *, code: str | None, message: str, param: str | None) -> None:
    """End a job that the provider does not have, with the reason in OpenAI's shape."""
    error = {"code": code or "job_refused", "message": message, "param": param}
    end_unsent(session, job, JobStatus.FAILED, EventType.JOB_FAILED, message, error)


def release_files(session: Session, job: Job) -> None:
    """Let go of the files that the job needed while it lived."""
    for file_id in _files_of(job):
        datasets.unmark_used(session, file_id=file_id, used_by=job.id)


def free_place(session: Session, job: Job) -> None:
    """Let the next in the queue take the place that an ended or withdrawn job had at its provider."""
    if job.queued_at is not None and job_limits(job.provider, job.base_model).known:
        queue.wake_next(session, queue.queue_of(job))


def tell(session: Session, job: Job, event: EventType, message: str, level: Any = "info") -> None:
    """Append one event of ours to the job's log."""
    append(session, team_id=job.team_id, subject_id=job.id, type=event, message=message, level=level)


def _files_of(job: Job) -> list[str]:
    return [job.training_file] + ([job.validation_file] if job.validation_file else [])

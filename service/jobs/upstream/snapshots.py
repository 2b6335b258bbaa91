"""Record a provider's snapshot of a job in one transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.events.actions import Level, NewEvent, append_all
from service.events.tables import Event
from service.events.types import EventType
from service.files.actions import create_result_file
from service.jobs.actions import CREATED, append_event, release
from service.jobs.charging.max_cost import keep_below_max_cost, keep_covered
from service.jobs.charging.settle import charge_pause, settle_job
from service.jobs.states import TERMINAL, JobStatus, status_from
from service.jobs.tables import Job, JobCheckpoint
from service.ledger.money import usd
from service.models.actions import Origin, is_of_another_job, register_checkpoint, register_model
from service.providers.port import ProviderCheckpoint, ProviderEvent, ProviderJob
from service.providers.scrub import rename_ids

log = structlog.get_logger(__name__)

_WAITING = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED)
_BEGUN = (JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.PAUSED, JobStatus.SUCCEEDED)
_LEVELS: Mapping[str, Level] = {"info": "info", "warn": "warn", "error": "error"}
_EVENTS_REMEMBERED = 100
_MOST_EVENTS = 100_000  # of a job, copied from its provider
# A checkpoint without this mark may be the finished model: at OpenAI it is, at Azure no checkpoint has the
# mark. Only the ended job shows which it is.
_CHECKPOINT_MARK = ":ckpt-step-"
_MOST_STEPS = 2**31 - 1  # what the column holds, and more than any job trains


@dataclass(frozen=True)
class Snapshot:
    """What the provider reported in one round of requests; events oldest first."""

    job: ProviderJob
    events: Sequence[ProviderEvent] = ()
    checkpoints: Sequence[ProviderCheckpoint] = ()
    result_files: Mapping[str, bytes] = field(default_factory=dict)


def known_events(session: Session, job_id: str) -> frozenset[str]:
    """The provider's ids of the events that were copied last.

    Events are copied oldest first, each round as a whole, so every event before one of these ids was copied
    too. One id is not enough, because events of the same second have no order.
    """
    copied = select(Event.source_key).where(Event.subject_id == job_id, Event.source_key.is_not(None))
    latest = session.scalars(copied.order_by(Event.number.desc()).limit(_EVENTS_REMEMBERED))
    return frozenset(key for key in latest if key)


def is_taken(session: Session, job: Job, provider_job_id: str) -> bool:
    """Whether a provider job is recorded as that of another job of ours."""
    same = Job.provider == job.provider, Job.provider_job_id == provider_job_id, Job.id != job.id
    return session.scalar(select(Job.id).where(*same).limit(1)) is not None


def record_snapshot(session: Session, job: Job, seen: Snapshot) -> None:
    """Update a locked job, its log, checkpoints, model and costs to what the provider reports."""
    if job.has_ended:
        return
    before = JobStatus(job.status)
    after = status_from(seen.job.status, before)
    if after is JobStatus.SUCCEEDED and not _has_own_model(session, job, seen.job):
        after = JobStatus.FAILED
    _note_begun(session, job, after)
    names = _register(session, job, seen, after)
    _copy_events(session, job, seen.events, names)
    _copy_fields(job, seen.job, names)
    job.status = after
    if after != before or seen.events:
        job.changed_at = clock.now()
    if before != after:
        _note_change(session, job, after, seen, names)
    if after not in TERMINAL:
        keep_below_max_cost(session, job, seen.job)
        keep_covered(session, job, seen.job)


def record_events(session: Session, job: Job, answer: ProviderJob, events: Sequence[ProviderEvent]) -> None:
    """Append an early page of the provider's log to a locked job's log; the last page updates the job too.

    At most 100,000 events of a provider are copied for one job.
    """
    if job.has_ended or _copied_events(session, job) >= _MOST_EVENTS:
        return
    _note_begun(session, job, status_from(answer.status, JobStatus(job.status)))
    _copy_events(session, job, events, job.our_names | {answer.id: job.id})
    job.changed_at = clock.now()


def _note_begun(session: Session, job: Job, after: JobStatus) -> None:
    """Log the start of training before the provider's log is copied, which may report training steps."""
    if JobStatus(job.status) in _WAITING and after in _BEGUN:
        append_event(session, job, EventType.JOB_STARTED, "The provider has started training.")
        job.status = JobStatus.RUNNING


def _copied_events(session: Session, job: Job) -> int:
    copied = select(func.count()).where(Event.subject_id == job.id, Event.source_key.is_not(None))
    return session.scalar(copied) or 0


def _has_own_model(session: Session, job: Job, ended: ProviderJob) -> bool:
    """Whether a job that succeeded has a model, and no other job of ours has the same one.

    If two rows shared a provider model, the first team to delete theirs would delete both.
    """
    name = ended.fine_tuned_model
    if name is None or not is_of_another_job(session, job.provider, name, job.id):
        return name is not None
    log.error("provider_model_repeated", job_id=job.id, provider=job.provider)
    message = "The provider named a model that another job has made; it is not registered for this job."
    append_event(session, job, EventType.JOB_MESSAGE, message, level="error")
    return False


def _note_change(
    session: Session, job: Job, after: JobStatus, seen: Snapshot, names: Mapping[str, str]
) -> None:
    if after is JobStatus.PAUSED:
        charge_pause(session, job, seen.job)
        append_event(session, job, EventType.JOB_PAUSED, "The job is paused. Resume it to continue.")
    elif after in TERMINAL:
        _end(session, job, after, seen, names)


def _end(session: Session, job: Job, after: JobStatus, seen: Snapshot, names: Mapping[str, str]) -> None:
    # A provider's clock may be wrong, but a job must end between its creation and now.
    job.finished_at = min(max(seen.job.finished_at or clock.now(), job.created_at), clock.now())
    job.requested = None
    for number, content in enumerate(seen.result_files.values(), start=1):
        name = f"{job.id}-results-{number}.csv"
        file = create_result_file(session, team_id=job.team_id, filename=name, content=content)
        job.result_files = [*job.result_files, file.id]
    cost = settle_job(session, job, seen.job)
    release(session, job)
    if after is JobStatus.SUCCEEDED:
        message = f"The job succeeded: {job.fine_tuned_model}; it cost ${usd(cost)}."
        append_event(session, job, EventType.JOB_SUCCEEDED, message)
    elif after is JobStatus.CANCELLED:
        append_event(session, job, EventType.JOB_CANCELLED, f"The job was cancelled; it cost ${usd(cost)}.")
    else:
        job.error = _error(seen.job, names)
        append_event(session, job, EventType.JOB_FAILED, job.error["message"], level="error")


def _error(provider_job: ProviderJob, names: Mapping[str, str]) -> dict[str, Any]:
    said = dict(provider_job.error or {})
    if not said.get("message"):
        said["message"] = "The provider ended the job without a usable model and gave no reason."
    texts = {key: rename_ids(str(value), names) for key, value in said.items() if value is not None}
    return {"code": "job_failed", "param": None} | texts


def _register(session: Session, job: Job, seen: Snapshot, after: JobStatus) -> dict[str, str]:
    origin = Origin(
        team_id=job.team_id,
        job_id=job.id,
        provider=job.provider,
        base_model=job.base_model,
        parent_id=job.parent_id,
        training_file=job.training_file,
        validation_file=job.validation_file,
        suffix=job.suffix,
    )
    names = job.our_names | {seen.job.id: job.id}
    finished = seen.job.fine_tuned_model if after is JobStatus.SUCCEEDED else None
    has_ended = after in (JobStatus.SUCCEEDED, JobStatus.CANCELLED)
    if finished is not None:
        made = register_model(session, origin, finished, seen.job.finished_at or clock.now())
        names[finished] = job.fine_tuned_model = made.id
    for checkpoint in seen.checkpoints:
        if not 0 <= checkpoint.step <= _MOST_STEPS:
            log.warning("provider_checkpoint_step_invalid", job_id=job.id, step=checkpoint.step)
            continue
        is_last_step = checkpoint.model == finished
        if not is_last_step and not has_ended and _CHECKPOINT_MARK not in checkpoint.model:
            continue
        if is_of_another_job(session, job.provider, checkpoint.model, job.id):
            log.error("provider_model_repeated", job_id=job.id, provider=job.provider)
            continue
        if checkpoint.model not in names:
            kept = register_checkpoint(
                session, origin, checkpoint.model, checkpoint.step, checkpoint.created_at
            )
            names[checkpoint.model] = kept.id
        _keep_checkpoint(session, job, checkpoint, names[checkpoint.model])
    return names


def _keep_checkpoint(session: Session, job: Job, checkpoint: ProviderCheckpoint, model_id: str) -> None:
    row = {
        "id": ids.new_id("ftckpt_"),
        "job_id": job.id,
        "model_id": model_id,
        "step": checkpoint.step,
        "metrics": dict(checkpoint.metrics),
        "created_at": checkpoint.created_at,
    }
    session.execute(
        insert(JobCheckpoint).values(row).on_conflict_do_nothing(index_elements=["job_id", "step"])
    )


def _copy_events(
    session: Session, job: Job, events: Sequence[ProviderEvent], names: Mapping[str, str]
) -> None:
    created = CREATED.format(job.id)  # the log begins with our own event of these words
    copied = []
    for event in events:
        message = rename_ids(event.message, names)
        if message == created:
            continue
        copied.append(
            NewEvent(
                type=EventType.JOB_METRICS if event.type == "metrics" else EventType.JOB_MESSAGE,
                message=message.removeprefix(created).strip(),
                level=_LEVELS.get(event.level, "info"),
                data=json.loads(rename_ids(json.dumps(dict(event.data)), names)),
                source_key=event.id,
                created_at=event.created_at,
            )
        )
    append_all(session, team_id=job.team_id, subject_id=job.id, events=copied)


def _copy_fields(job: Job, provider_job: ProviderJob, names: Mapping[str, str]) -> None:
    job.provider_status = rename_ids(provider_job.status, names)
    job.trained_tokens = provider_job.trained_tokens
    job.training_seconds = provider_job.training_seconds
    job.estimated_finish = provider_job.estimated_finish
    if provider_job.base_identity:
        job.base_identity = dict(provider_job.base_identity)
    resolved = {
        key: value for key, value in provider_job.hyperparameters.items() if value not in (None, "auto")
    }
    if resolved:
        settings = job.method[job.method_type]
        merged = settings.get("hyperparameters", {}) | resolved
        job.method = job.method | {job.method_type: settings | {"hyperparameters": merged}}
        if job.hyperparameters is not None:
            job.hyperparameters = job.hyperparameters | resolved

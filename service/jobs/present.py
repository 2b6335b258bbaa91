"""Convert jobs, events and checkpoints to their wire forms."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.core.clock import unix
from service.events.tables import Event
from service.events.types import EventType
from service.jobs.queries import JobMoney
from service.jobs.queue import Place
from service.jobs.schemas import BaseIdentityOut, CheckpointOut, JobError, JobEventOut, JobExtras, JobOut
from service.jobs.tables import Job, JobCheckpoint
from service.ledger.money import usd

_NONE = JobMoney()


def job_out(job: Job, money: Mapping[str, JobMoney], places: Mapping[str, Place]) -> JobOut:
    """The wire form of a job; `money` and `places` map job ids to amounts and places in the queue."""
    figures = money.get(job.id, _NONE)
    place = places.get(job.id)
    extras = JobExtras(
        team_id=job.team_id,
        provider=job.provider,
        provider_status=job.provider_status,
        base_model=job.base_model,
        parent_model=job.parent_id,
        billed_by=job.billed_by,
        training_seconds=job.training_seconds,
        base_identity=BaseIdentityOut(**job.base_identity) if job.base_identity else None,
        estimated_cost_usd=None if job.estimated_cost_usd is None else usd(job.estimated_cost_usd),
        held_usd=usd(figures.held_usd),
        cost_usd=usd(figures.cost_usd),
        max_cost_usd=None if figures.max_cost_usd is None else usd(figures.max_cost_usd),
        requested=job.requested,
        priority=job.priority,
        queue_position=place.position if place else None,
        estimated_start=_unix(place.starts_at) if place else None,
        waiting_for=place.reason if place else None,
    )
    return JobOut(
        id=job.id,
        created_at=unix(job.created_at),
        finished_at=_unix(job.finished_at),
        estimated_finish=None if job.has_ended else _unix(job.estimated_finish),
        model=job.model,
        fine_tuned_model=job.fine_tuned_model,
        organization_id=job.team_id,
        status=job.status,
        training_file=job.training_file,
        validation_file=job.validation_file,
        result_files=job.result_files,
        trained_tokens=job.trained_tokens,
        seed=job.seed,
        hyperparameters=job.hyperparameters,
        method=job.method,
        error=JobError(**(job.error or {})),
        integrations=job.integrations,
        metadata=job.labels,
        user_provided_suffix=job.suffix,
        tunehouse=extras,
    )


def event_out(event: Event) -> JobEventOut:
    """The wire form of an event in a job's log."""
    return JobEventOut(
        id=event.id,
        created_at=unix(event.created_at),
        level=event.level,
        message=event.message,
        type="metrics" if event.type == EventType.JOB_METRICS else "message",
        data=event.data,
        number=event.number,
    )


def checkpoint_out(checkpoint: JobCheckpoint) -> CheckpointOut:
    """The wire form of a checkpoint."""
    return CheckpointOut(
        id=checkpoint.id,
        created_at=unix(checkpoint.created_at),
        fine_tuned_model_checkpoint=checkpoint.model_id,
        fine_tuning_job_id=checkpoint.job_id,
        metrics=_numbers(checkpoint.metrics),
        step_number=checkpoint.step,
    )


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else unix(moment)

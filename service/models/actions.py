"""Register and delete tuned models."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import clock, work
from service.events.actions import append
from service.events.types import EventType
from service.models import names
from service.models.deployments.actions import stop
from service.models.deployments.queries import living_of
from service.models.deployments.states import StopReason
from service.models.tables import TunedModel
from service.teams.queries import get_team

ADVANCE_MIGRATION = "model.migrate"  # the work item that takes a migration of models further
DELETE_UPSTREAM = "model.delete_upstream"  # the work item that deletes a model at its provider


@dataclass(frozen=True)
class Origin:
    """The job that produced a new model, with its parent, base and data."""

    team_id: str
    job_id: str
    provider: str
    base_model: str
    parent_id: str | None
    training_file: str
    validation_file: str | None
    suffix: str | None


def register_model(session: Session, origin: Origin, provider_model: str, created_at: datetime) -> TunedModel:
    """Register a job's model under a name of ours, and append an event. A repeat returns the same row."""
    known = _find(session, origin.job_id, provider_model)
    if known is not None:
        return known
    slug = get_team(session, origin.team_id).slug
    name = names.new_name(origin.base_model, slug, origin.suffix, origin.job_id, provider_model)
    model = _add(session, origin, name, "model", provider_model, None, created_at)
    append(
        session,
        team_id=origin.team_id,
        subject_id=model.id,
        type=EventType.MODEL_CREATED,
        message=f"New fine-tuned model created: {model.id}",
        data={"job_id": origin.job_id},
    )
    return model


def register_checkpoint(
    session: Session, origin: Origin, provider_model: str, step: int, created_at: datetime
) -> TunedModel:
    """Register a job's checkpoint under a name of ours. A repeat returns the same row."""
    known = _find(session, origin.job_id, provider_model)
    if known is not None:
        return known
    slug = get_team(session, origin.team_id).slug
    name = names.checkpoint_name(origin.base_model, slug, origin.suffix, step, origin.job_id, provider_model)
    return _add(session, origin, name, "checkpoint", provider_model, step, created_at)


def is_of_another_job(session: Session, provider: str, provider_model: str, job_id: str) -> bool:
    """Whether another job of any team has a model, deleted ones included, by this name of its provider's."""
    other = select(TunedModel.id).where(
        TunedModel.provider == provider,
        TunedModel.provider_model == provider_model,
        TunedModel.job_id != job_id,
    )
    return session.scalar(other.limit(1)) is not None


def delete_model(session: Session, model: TunedModel) -> None:
    """Delete a model, and schedule its deletion at the provider. Its row stays for its descendants."""
    # Locked and read again: a deployment set meanwhile would stay assigned to an unreachable model.
    session.refresh(model, with_for_update=True)
    model.deleted_at = clock.now()
    model.deployment = None
    living = living_of(session, model.id, lock=True)
    if living is not None and living.made_by == "tunehouse":
        stop(session, model, living, StopReason.DELETED)
    append(session, team_id=model.team_id, subject_id=model.id, type=EventType.MODEL_DELETED)
    work.schedule(session, DELETE_UPSTREAM, model.id, team_id=model.team_id)


def _find(session: Session, job_id: str, provider_model: str) -> TunedModel | None:
    same = TunedModel.job_id == job_id, TunedModel.provider_model == provider_model
    return session.scalar(select(TunedModel).where(*same))


def _add(
    session: Session,
    origin: Origin,
    name: str,
    kind: str,
    provider_model: str,
    step: int | None,
    created_at: datetime,
) -> TunedModel:
    parent = session.get_one(TunedModel, origin.parent_id) if origin.parent_id else None
    model = TunedModel(
        id=name,
        shutdown_date=parent.shutdown_date if parent else None,
        team_id=origin.team_id,
        kind=kind,
        provider=origin.provider,
        provider_model=provider_model,
        base_model=origin.base_model,
        parent_id=origin.parent_id,
        job_id=origin.job_id,
        step=step,
        training_file=origin.training_file,
        validation_file=origin.validation_file,
        created_at=created_at,
    )
    session.add(model)
    session.flush()
    return model

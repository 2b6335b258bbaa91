"""Retrain a model: run its recipe's jobs in order, each starting from the result of the previous one.

    running ──► succeeded     the last step produced its model
       ├──────► failed        a job was refused, failed, was cancelled, or lacks the recipe's checkpoint
       └──────► cancelled     the team cancelled it; the current job is cancelled too

A retrain is a row and a unit of work. One transaction creates a step's job and records its id in the step,
so a crash never creates a second job.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import clock, ids, work
from service.core.http.pages import Page, fetch_page
from service.errors import BudgetExceeded, Conflict, NotFound, TunehouseError
from service.events.actions import append
from service.events.types import EventType
from service.files import actions as datasets
from service.jobs import actions
from service.jobs.kinds import ADVANCE_RETRAIN
from service.jobs.retrain.plan import RetrainPlan, body_of, living
from service.jobs.retrain.tables import Retrain, RetrainStep
from service.jobs.states import JobStatus, RequestedAction
from service.jobs.tables import Job, JobCheckpoint
from service.ledger.money import usd
from service.ledger.queries import budget_view
from service.models.tables import TunedModel

_NOW = timedelta(0)
# Only a safety net: the transaction that ends a job also wakes its retrain.
_LOOK_AGAIN = timedelta(seconds=60)


def start_retrain(
    session: Session, source: TunedModel, planned: RetrainPlan, *, key_id: str, acknowledge_shutdown: bool
) -> Retrain:
    """Start a planned retrain.

    Raises `Conflict` if a step has a problem, `BudgetExceeded` if the budget cannot cover the estimate.
    """
    cost = planned.cost_usd
    if cost is None:
        raise Conflict(" ".join(planned.problems), code="retrain_not_possible")
    left = budget_view(session, source.team_id).remaining_usd
    if left is not None and cost > left:
        raise BudgetExceeded(
            f"Retraining {source.id} costs an estimated ${usd(cost)}, but the team's budget has "
            f"${usd(left)} left. Ask an admin to raise the budget.",
            param="team",
        )
    retrain = Retrain(
        id=ids.new_id("retrain_"),
        team_id=source.team_id,
        key_id=key_id,
        source_id=source.id,
        provider=planned.target.provider,
        model=planned.target.model_id,
        acknowledge_shutdown=acknowledge_shutdown,
        status="running",
        estimated_cost_usd=cost,
        created_at=clock.now(),
    )
    session.add(retrain)
    session.flush()
    for position, one in enumerate(planned.steps, start=1):
        recipe = one.step
        step = RetrainStep(
            retrain_id=retrain.id,
            position=position,
            source_job_id=recipe.job.id,
            training_file=living(recipe.training),
            validation_file=living(recipe.validation) if recipe.validation else None,
            checkpoint_step=recipe.checkpoint_step,
        )
        session.add(step)
        datasets.mark_used(session, *_files_of(step), used_by=retrain.id)
    session.flush()
    work.schedule(session, ADVANCE_RETRAIN, retrain.id, team_id=retrain.team_id)
    return retrain


def get_retrain(session: Session, team_id: str, retrain_id: str, *, lock: bool = False) -> Retrain:
    """Return the team's retrain with this id. Raises `NotFound`."""
    own = select(Retrain).where(Retrain.team_id == team_id, Retrain.id == retrain_id)
    found = session.scalar(own.with_for_update() if lock else own)
    if found is None:
        raise NotFound(f"There is no retrain {retrain_id!r}.", param="retrain_id")
    return found


def list_retrains(session: Session, team_id: str, *, after: str | None, limit: int) -> Page[Retrain]:
    """Return the team's retrains, newest first. Raises `NotFound` for an unknown cursor."""
    own = select(Retrain).where(Retrain.team_id == team_id)
    return fetch_page(session, own, sort=Retrain.created_at, id_=Retrain.id, after=after, limit=limit)


def steps_of(session: Session, retrain: Retrain) -> Sequence[RetrainStep]:
    """Return a retrain's steps in order."""
    own = select(RetrainStep).where(RetrainStep.retrain_id == retrain.id)
    return session.scalars(own.order_by(RetrainStep.position)).all()


def cancel_retrain(session: Session, retrain: Retrain) -> None:
    """End a locked retrain and request to cancel its current job. Raises `Conflict` if it has ended."""
    if retrain.status != "running":
        raise Conflict(
            f"Retrain {retrain.id} is {retrain.status}. You can cancel a retrain only while it is running.",
            code="retrain_ended",
        )
    current = next((step for step in steps_of(session, retrain) if step.produced is None), None)
    if current is not None and current.job_id is not None:
        job = session.get_one(Job, current.job_id, with_for_update=True)
        if not job.has_ended:
            actions.request_action(session, job, RequestedAction.CANCEL)
    _end(session, retrain, "cancelled")


def advance(session: Session, retrain_id: str) -> timedelta | None:
    """Advance a retrain and return how long to wait before the next call; None once it has ended."""
    locked = select(Retrain).where(Retrain.id == retrain_id).with_for_update()
    retrain = session.scalars(locked.execution_options(populate_existing=True)).one()
    if retrain.status != "running":
        return None
    steps = steps_of(session, retrain)
    step = next((one for one in steps if one.produced is None), None)
    if step is None:
        _succeed(session, retrain, str(steps[-1].produced))
        return None
    if step.job_id is None:
        start_from = str(steps[step.position - 2].produced) if step.position > 1 else retrain.model
        return _create(session, retrain, step, start_from)
    job = session.get_one(Job, step.job_id)
    if not job.has_ended:
        return _LOOK_AGAIN
    step.produced = _made(session, job, step)
    if step.produced is None:
        _fail(session, retrain, step, *_why(job, step))
        return None
    return _NOW


def _create(session: Session, retrain: Retrain, step: RetrainStep, model: str) -> timedelta | None:
    source = session.get_one(Job, step.source_job_id)
    try:
        body = body_of(
            source,
            model=model,
            training_file=step.training_file,
            validation_file=step.validation_file,
            acknowledge_shutdown=retrain.acknowledge_shutdown,
        )
        with session.begin_nested():
            job = actions.create_job(
                session,
                team_id=retrain.team_id,
                key_id=retrain.key_id,
                body=body,
                retrain_id=retrain.id,
            )
    except TunehouseError as refusal:
        _fail(session, retrain, step, refusal.error_code, refusal.message)
        return None
    step.job_id = job.id
    return _LOOK_AGAIN


def _made(session: Session, job: Job, step: RetrainStep) -> str | None:
    if job.status != JobStatus.SUCCEEDED:
        return None
    if step.checkpoint_step is None:
        return job.fine_tuned_model
    same = JobCheckpoint.job_id == job.id, JobCheckpoint.step == step.checkpoint_step
    return session.scalar(select(JobCheckpoint.model_id).where(*same))


def _why(job: Job, step: RetrainStep) -> tuple[str, str]:
    if job.status == JobStatus.SUCCEEDED:
        return (
            "checkpoint_missing",
            f"Job {job.id} has no checkpoint at step {step.checkpoint_step} for the next step to start from.",
        )
    said = (job.error or {}).get("message")
    return f"job_{job.status}", f"Job {job.id} {job.status}{f': {said}' if said else '.'}"


def _succeed(session: Session, retrain: Retrain, produced: str) -> None:
    _end(session, retrain, "succeeded")
    append(
        session,
        team_id=retrain.team_id,
        subject_id=produced,
        type=EventType.MODEL_RETRAINED,
        message=f"{retrain.source_id} was retrained as {produced}.",
        data={"retrain_id": retrain.id, "source": retrain.source_id},
    )


def _fail(session: Session, retrain: Retrain, step: RetrainStep, code: str | None, message: str) -> None:
    retrain.error = {"code": code or "job_refused", "message": message, "position": step.position}
    _end(session, retrain, "failed")
    append(
        session,
        team_id=retrain.team_id,
        subject_id=retrain.source_id,
        type=EventType.MODEL_RETRAIN_FAILED,
        message=f"Step {step.position} of {retrain.id}: {message}",
        level="error",
        data={"retrain_id": retrain.id},
    )


def _end(session: Session, retrain: Retrain, status: str) -> None:
    retrain.status = status
    retrain.finished_at = clock.now()
    for step in steps_of(session, retrain):
        for file_id in _files_of(step):
            datasets.unmark_used(session, file_id=file_id, used_by=retrain.id)


def _files_of(step: RetrainStep) -> list[str]:
    return [step.training_file] + ([step.validation_file] if step.validation_file else [])

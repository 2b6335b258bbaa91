"""Routes for recipes and retrains."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from service.core.clock import unix
from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.jobs.retrain import actions as retrains
from service.jobs.retrain.plan import RetrainPlan, StepPlan, new_target, plan_steps
from service.jobs.retrain.recipe import steps_to
from service.jobs.retrain.schemas import (
    PlannedStep,
    PlanOut,
    RecipeOut,
    RetrainCreate,
    RetrainError,
    RetrainOut,
    RetrainStepOut,
    recipe_out,
)
from service.jobs.retrain.tables import Retrain
from service.ledger.budgets.schemas import budget_out
from service.ledger.money import usd
from service.ledger.queries import budget_view
from service.models.paths import ModelId
from service.models.queries import get_model
from service.models.tables import TunedModel
from service.teams.access import Reader, Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1", tags=["models"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/models/{model_id:path}/recipe")
def model_recipe(model_id: ModelId, session: RequestSession, caller: Reader) -> RecipeOut:
    """Get the recipe of a tuned model: the base, data, method and seed of every step, in order."""
    model = get_model(session, caller.team, model_id, deleted_too=True)
    return recipe_out(model, steps_to(session, model))


@router.post("/models/{model_id:path}/retrain")
def retrain_model(
    model_id: ModelId, body: RetrainCreate, session: RequestSession, caller: Trainer
) -> PlanOut | RetrainOut:
    """Retrain a tuned model on the same base or another.

    Returns a plan with its cost and creates nothing; send `confirm: true` to start the retrain.
    """
    source = get_model(session, caller.team, model_id, deleted_too=True)
    steps = steps_to(session, source)
    target = new_target(session, caller.team, steps, body.provider, body.model)
    acknowledged = body.acknowledge_shutdown
    planned = plan_steps(session, caller.key_id, steps, target, acknowledge_shutdown=acknowledged)
    if not body.confirm:
        return _plan_out(session, source, planned)
    begun = retrains.start_retrain(
        session, source, planned, key_id=caller.account_id, acknowledge_shutdown=acknowledged
    )
    return _out(session, begun)


@router.get("/retrains")
def list_retrains(
    session: RequestSession, caller: Reader, after: str | None = None, limit: Limit = 20
) -> ListOut[RetrainOut]:
    """List the team's retrains, newest first."""
    page = retrains.list_retrains(session, caller.team, after=after, limit=limit)
    return list_out([_out(session, retrain) for retrain in page.rows], page.has_more)


@router.get("/retrains/{retrain_id}")
def retrieve_retrain(retrain_id: str, session: RequestSession, caller: Reader) -> RetrainOut:
    """Get a retrain and the progress of its steps."""
    return _out(session, retrains.get_retrain(session, caller.team, retrain_id))


@router.post("/retrains/{retrain_id}/cancel")
def cancel_retrain(retrain_id: str, session: RequestSession, caller: Trainer) -> RetrainOut:
    """Cancel a retrain and request that its current job be cancelled. Models it has made are kept."""
    retrain = retrains.get_retrain(session, caller.team, retrain_id, lock=True)
    retrains.cancel_retrain(session, retrain)
    return _out(session, retrain)


def _plan_out(session: Session, source: TunedModel, planned: RetrainPlan) -> PlanOut:
    view = budget_view(session, source.team_id)
    cost, problems = planned.cost_usd, planned.problems
    if cost is not None and view.remaining_usd is not None and cost > view.remaining_usd:
        problems.append(
            f"The retrain costs an estimated ${usd(cost)}, but the team's budget has "
            f"${usd(view.remaining_usd)} left."
        )
    return PlanOut(
        source=source.id,
        provider=planned.target.provider,
        base_model=planned.target.base.id,
        steps=[_planned_out(number, step) for number, step in enumerate(planned.steps, start=1)],
        cost_usd=None if cost is None else usd(cost),
        budget=budget_out(source.team_id, view).model_dump(),
        ready=not problems,
        problems=problems,
    )


def _planned_out(position: int, planned: StepPlan) -> PlannedStep:
    step, estimate = planned.step, planned.estimate
    return PlannedStep(
        position=position,
        repeats_job=step.job.id,
        training_file=step.training.living_id,
        validation_file=step.validation.living_id if step.validation else None,
        method=step.job.method,
        n_epochs=estimate.n_epochs if estimate else None,
        trained_tokens=estimate.trained_tokens if estimate else None,
        cost_usd=usd(estimate.cost_usd) if estimate else None,
        problem=planned.problem,
    )


def _out(session: Session, retrain: Retrain) -> RetrainOut:
    steps = retrains.steps_of(session, retrain)
    done = retrain.status == "succeeded"
    return RetrainOut.model_validate(
        {
            "id": retrain.id,
            "source": retrain.source_id,
            "provider": retrain.provider,
            "base_model": retrain.model.removeprefix(f"{retrain.provider}/"),
            "status": retrain.status,
            "estimated_cost_usd": usd(retrain.estimated_cost_usd),
            "produced": steps[-1].produced if done else None,
            "steps": [
                RetrainStepOut(
                    position=step.position,
                    repeats_job=step.source_job_id,
                    job_id=step.job_id,
                    produced=step.produced,
                )
                for step in steps
            ],
            "error": RetrainError(**(retrain.error or {})),
            "created_at": unix(retrain.created_at),
            "finished_at": unix(retrain.finished_at) if retrain.finished_at else None,
        }
    )

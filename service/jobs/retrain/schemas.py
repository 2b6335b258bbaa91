"""Recipes and retrains on the wire. Amounts are decimal strings in US dollars."""

from typing import Annotated, Any, Literal

from pydantic import Field

from service.core.clock import unix
from service.core.http.wire import Text, WireIn, WireOut
from service.jobs.retrain.recipe import Dataset, RecipeLink
from service.jobs.schemas import Id
from service.jobs.tables import Job
from service.models.tables import TunedModel

Status = Literal["running", "succeeded", "failed", "cancelled"]


class RecipeData(WireOut):
    """A dataset of a step; `available_as` is the id of a file that still has the content, or null."""

    sha256: str
    file_id: str
    filename: str
    available_as: str | None


class RecipeStep(WireOut):
    """One job of the chain; `method` has the hyperparameters that the provider used."""

    position: int
    job_id: str
    starts_from: str
    produced: str
    checkpoint_step: int | None
    provider: str
    method: dict[str, Any]
    seed: int | None
    suffix: str | None
    training_data: RecipeData
    validation_data: RecipeData | None
    trained_tokens: int | None
    created_at: int


class RecipeOut(WireOut):
    """The jobs that made a tuned model, starting from its base."""

    object: Literal["model.recipe"] = "model.recipe"
    model: str
    base_model: str
    steps: list[RecipeStep]


class RetrainCreate(WireIn):
    """A retrain request; without `confirm`, the response is a plan and nothing is created."""

    confirm: bool = False
    provider: Annotated[Text, Field(max_length=64)] | None = None
    model: Id | None = None
    acknowledge_shutdown: bool = False


class PlannedStep(WireOut):
    """One job that the retrain would create. If it cannot run, `problem` says why and the cost is null."""

    position: int
    repeats_job: str
    training_file: str | None
    validation_file: str | None
    method: dict[str, Any]
    n_epochs: int | None
    trained_tokens: int | None
    cost_usd: str | None
    problem: str | None


class PlanOut(WireOut):
    """The plan of a retrain and its cost; nothing was created."""

    object: Literal["model.retrain.plan"] = "model.retrain.plan"
    source: str
    provider: str
    base_model: str
    steps: list[PlannedStep]
    cost_usd: str | None
    budget: dict[str, Any]
    ready: bool
    problems: list[str]


class RetrainStepOut(WireOut):
    """One job of a retrain; `job_id` is null until it is created, `produced` until it has succeeded."""

    position: int
    repeats_job: str
    job_id: str | None
    produced: str | None


class RetrainError(WireOut):
    """Why a retrain failed, and at which step; all fields are null unless it did."""

    code: str | None = None
    message: str | None = None
    position: int | None = None


class RetrainOut(WireOut):
    """A retrain: the jobs of a model's recipe, run in order, each on the result of the previous one."""

    object: Literal["model.retrain"] = "model.retrain"
    id: str
    source: str
    provider: str
    base_model: str
    status: Status
    estimated_cost_usd: str
    produced: str | None
    steps: list[RetrainStepOut]
    error: RetrainError
    created_at: int
    finished_at: int | None


def recipe_out(model: TunedModel, steps: list[RecipeLink]) -> RecipeOut:
    """Return the wire form of a recipe."""
    return RecipeOut(
        model=model.id,
        base_model=model.base_model,
        steps=[_step(number, step) for number, step in enumerate(steps, start=1)],
    )


def _step(number: int, step: RecipeLink) -> RecipeStep:
    job: Job = step.job
    return RecipeStep(
        position=number,
        job_id=job.id,
        starts_from=step.made.parent_id or step.made.base_model,
        produced=step.made.id,
        checkpoint_step=step.checkpoint_step,
        provider=job.provider,
        method=job.method,
        seed=job.seed,
        suffix=job.suffix,
        training_data=_data(step.training),
        validation_data=_data(step.validation) if step.validation else None,
        trained_tokens=job.trained_tokens,
        created_at=unix(job.created_at),
    )


def _data(dataset: Dataset) -> RecipeData:
    file = dataset.original
    return RecipeData(
        sha256=file.sha256, file_id=file.id, filename=file.filename, available_as=dataset.living_id
    )

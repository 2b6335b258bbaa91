"""Recipes and retrains on the wire. Amounts are decimal strings in US dollars."""

from typing import Annotated, Any, Literal

from pydantic import Field

from service.core.clock import unix
from service.core.wire import Text, WireIn, WireOut
from service.jobs.retrain.recipe import Dataset, RecipeLink
from service.jobs.schemas import Id
from service.jobs.tables import Job
from service.models.tables import TunedModel

Status = Literal["running", "succeeded", "failed", "cancelled"]


class RecipeData(WireOut):
    """A dataset of a step; `available_as` is a file that still holds the content, null when none does."""

    sha256: str
    file_id: str
    filename: str
    available_as: str | None


class RecipeStep(WireOut):
    """One job of the chain, with `method` and its hyperparameters as the provider resolved them."""

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
    """How a tuned model was made, from its base on."""

    object: Literal["model.recipe"] = "model.recipe"
    model: str
    base_model: str
    steps: list[RecipeStep]


class RetrainCreate(WireIn):
    """What to make again, and where: without `confirm` the answer is a plan, and nothing is created."""

    confirm: bool = False
    provider: Annotated[Text, Field(max_length=64)] | None = None
    model: Id | None = None
    acknowledge_shutdown: bool = False


class PlannedStep(WireOut):
    """One job as it would be created; `problem` is why it cannot be, and then it has no cost."""

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
    """What making a model again would take; nothing was created."""

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
    """One job of a retrain; null until it was created, and until it made something."""

    position: int
    repeats_job: str
    job_id: str | None
    produced: str | None


class RetrainError(WireOut):
    """Why a retrain stopped, and at which step; all null while it has not."""

    code: str | None = None
    message: str | None = None
    position: int | None = None


class RetrainOut(WireOut):
    """A model that is made again, step by step, each on the result of the one before."""

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
    """The wire form of a recipe."""
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

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
    """A dataset of a step."""

    sha256: str
    """The SHA-256 of the content, in hexadecimal."""
    file_id: str
    """The id of the file that was trained on; it may be deleted."""
    filename: str
    """The name of that file."""
    available_as: str | None
    """The id of a file that still has the content; null if there is none."""


class RecipeStep(WireOut):
    """One job of the chain."""

    position: int
    """Place in the chain, from 1."""
    job_id: str
    """The id of the job."""
    starts_from: str
    """The model that the job started from: the base, or what the previous step produced."""
    produced: str
    """The model or checkpoint that the next step starts from, or the recipe's model."""
    checkpoint_step: int | None
    """The training step of the checkpoint; null if `produced` is a finished model."""
    provider: str
    method: dict[str, Any]
    """The method with the hyperparameters that the provider used."""
    seed: int | None
    """The seed of the run; null if unknown."""
    suffix: str | None
    """The suffix of the job; null if it had none."""
    training_data: RecipeData
    """What the job was trained on."""
    validation_data: RecipeData | None
    """What its loss was measured on; null if there was no validation file."""
    trained_tokens: int | None
    """Tokens that the provider trained, over all epochs; null if it did not report them."""
    created_at: int


class RecipeOut(WireOut):
    """The jobs that made a tuned model, starting from its base."""

    object: Literal["model.recipe"] = "model.recipe"
    model: str
    """The tuned model or checkpoint."""
    base_model: str
    steps: list[RecipeStep]
    """The jobs, the first one from the base."""


class RetrainCreate(WireIn):
    """A retrain of a tuned model."""

    confirm: bool = False
    """Create the jobs. Without it, the response is a plan and nothing is created."""
    provider: Annotated[Text, Field(max_length=64)] | None = None
    """The provider to train at; null means the recipe's own, or any that has `model`."""
    model: Id | None = None
    """The base to start from; null means the recipe's own."""
    acknowledge_shutdown: bool = False
    """Retrain although the base shuts down soon, which is refused otherwise."""


class PlannedStep(WireOut):
    """One job that the retrain would create."""

    position: int
    """Place in the chain, from 1."""
    repeats_job: str
    """The id of the job that it repeats."""
    training_file: str | None
    """The id of the file to train on; null if no file has the content any more."""
    validation_file: str | None
    """The id of the validation file; null if there is none."""
    method: dict[str, Any]
    """The method and hyperparameters that it repeats."""
    n_epochs: int | None
    """Epochs that the estimate assumes; null if the job cannot run."""
    trained_tokens: int | None
    """Tokens that would be trained, over all epochs; null for reinforcement, and if the job cannot run."""
    cost_usd: str | None
    """The estimated cost; null if the job cannot run."""
    problem: str | None
    """Why the job cannot run; null if it can."""


class PlanOut(WireOut):
    """The plan of a retrain and its cost; nothing was created."""

    object: Literal["model.retrain.plan"] = "model.retrain.plan"
    source: str
    """The model whose recipe would be repeated."""
    provider: str
    base_model: str
    steps: list[PlannedStep]
    """The jobs in order."""
    cost_usd: str | None
    """The estimated cost of all steps; null if one of them cannot run."""
    budget: dict[str, Any]
    """The team's budget as it is now."""
    ready: bool
    """Whether `confirm` would start it."""
    problems: list[str]
    """Why it cannot start; empty if it can."""


class RetrainStepOut(WireOut):
    """One job of a retrain."""

    position: int
    """Place in the chain, from 1."""
    repeats_job: str
    """The id of the job that it repeats."""
    job_id: str | None
    """The id of the new job; null until it is created."""
    produced: str | None
    """The new model or checkpoint; null until the job has succeeded."""


class RetrainError(WireOut):
    """Why a retrain failed, and at which step; all fields are null unless it did."""

    code: str | None = None
    """The kind of error, for programs."""
    message: str | None = None
    """What went wrong and what to do."""
    position: int | None = None
    """The step that failed, from 1."""


class RetrainOut(WireOut):
    """A retrain: the jobs of a model's recipe, run in order, each on the result of the previous one."""

    object: Literal["model.retrain"] = "model.retrain"
    id: str
    source: str
    """The model whose recipe is repeated."""
    provider: str
    base_model: str
    status: Status
    """`running` until the last step has ended."""
    estimated_cost_usd: str
    """The estimated cost of all steps, at the time of the confirmation."""
    produced: str | None
    """The new model; null until the retrain has succeeded."""
    steps: list[RetrainStepOut]
    """The jobs in order."""
    error: RetrainError
    """Why the retrain failed."""
    created_at: int
    finished_at: int | None
    """When the retrain ended, in unix seconds; null until then."""


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

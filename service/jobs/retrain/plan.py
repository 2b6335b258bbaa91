"""Plan a retrain: check and price each step of the model's recipe as a new job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.errors import InvalidRequest, TunehouseError
from service.jobs.admission.checks import check_admission
from service.jobs.admission.estimate import JobEstimate
from service.jobs.admission.request import request_of_body
from service.jobs.methods import (
    DpoHyperparameters,
    Hyperparameters,
    Method,
    ReinforcementHyperparameters,
)
from service.jobs.retrain.recipe import Dataset, RecipeLink
from service.jobs.schemas import JobCreate
from service.jobs.tables import Job
from service.models.queries import Target, resolve

_SETTINGS: Mapping[str, type[Hyperparameters]] = {
    "supervised": Hyperparameters,
    "dpo": DpoHyperparameters,
    "reinforcement": ReinforcementHyperparameters,
}


@dataclass(frozen=True)
class StepPlan:
    """One step as a new job: its estimate, or the `problem` that keeps it from running."""

    step: RecipeLink
    estimate: JobEstimate | None
    problem: str | None


@dataclass(frozen=True)
class RetrainPlan:
    """The steps of a retrain, and the base model that the first one starts from."""

    target: Target
    steps: Sequence[StepPlan]

    @property
    def problems(self) -> list[str]:
        """The problems of all steps, without duplicates."""
        return list(dict.fromkeys(planned.problem for planned in self.steps if planned.problem))

    @property
    def cost_usd(self) -> Decimal | None:
        """The estimated cost of all steps at today's prices; None if any step has a problem."""
        costs = [planned.estimate.cost_usd for planned in self.steps if planned.estimate]
        return sum(costs, Decimal(0)) if len(costs) == len(self.steps) else None


def new_target(
    session: Session, team_id: str, steps: Sequence[RecipeLink], provider: str | None, model: str | None
) -> Target:
    """Return the base model for the first step: by default the original base at its original provider.

    Raises `NotFound` for a model that is not offered, `InvalidRequest` for a tuned model.
    """
    first = steps[0].job
    base = model or first.base_model
    wanted = provider or (None if model else first.provider)
    target = resolve(session, team_id, base)
    if wanted is not None and target.provider != wanted:
        target = resolve(session, team_id, f"{wanted}/{base}")
    if target.tuned is not None:
        raise InvalidRequest(
            f"{base!r} is not a base model. Choose one of the base models that GET /v1/models lists.",
            param="model",
            code="not_a_base_model",
        )
    return target


def plan_steps(
    session: Session,
    key_id: str,
    steps: Sequence[RecipeLink],
    target: Target,
    *,
    acknowledge_shutdown: bool,
) -> RetrainPlan:
    """Check and price every step as if this key created its job now; creates nothing."""
    return RetrainPlan(
        target, [_plan_step(session, key_id, step, target, acknowledge_shutdown) for step in steps]
    )


def _plan_step(
    session: Session, key_id: str, step: RecipeLink, target: Target, acknowledged: bool
) -> StepPlan:
    try:
        return StepPlan(step, _estimate(session, key_id, step, target, acknowledged), None)
    except TunehouseError as refusal:
        return StepPlan(step, None, refusal.message)


def _estimate(
    session: Session, key_id: str, step: RecipeLink, target: Target, acknowledged: bool
) -> JobEstimate:
    body = body_of(
        step.job,
        model=target.model_id,
        training_file=living(step.training),
        validation_file=living(step.validation) if step.validation else None,
        acknowledge_shutdown=acknowledged,
    )
    estimate = check_admission(session, request_of_body(step.job.team_id, key_id, body)).estimate
    if estimate is None:
        raise InvalidRequest(f"{body.training_file} is still being checked. Try again in a moment.")
    return estimate


def living(dataset: Dataset) -> str:
    """Return the id of a file that still has the content. Raises `InvalidRequest` if there is none."""
    if dataset.living_id is None:
        raise InvalidRequest(
            f"The dataset {dataset.original.filename!r} (sha256 {dataset.original.sha256}) was deleted; "
            "upload the same content again to retrain on it.",
            code="dataset_deleted",
        )
    return dataset.living_id


def body_of(
    job: Job, *, model: str, training_file: str, validation_file: str | None, acknowledge_shutdown: bool
) -> JobCreate:
    """Return the request that repeats a job on `model`: same data, method, seed, suffix and metadata.

    The hyperparameters are the ones the provider used. Raises `InvalidRequest` if a request cannot have them.
    """
    try:
        return JobCreate(
            model=model,
            training_file=training_file,
            validation_file=validation_file,
            suffix=job.suffix,
            seed=job.seed,
            metadata=job.labels,
            integrations=job.integrations or None,
            method=_method(job),
            tunehouse={"acknowledge_shutdown": acknowledge_shutdown},
        )
    except ValidationError as unfit:
        fields = ", ".join(".".join(map(str, error["loc"])) for error in unfit.errors())
        raise InvalidRequest(
            f"Job {job.id} cannot be repeated: the provider used values for {fields or 'its settings'} that "
            "requests do not accept. Create the jobs yourself with accepted values."
        ) from unfit


def _method(job: Job) -> Method:
    settings = dict(job.method[job.method_type])
    known = _SETTINGS[job.method_type].model_fields
    resolved = settings.get("hyperparameters", {})
    settings["hyperparameters"] = {name: value for name, value in resolved.items() if name in known}
    return Method.model_validate({"type": job.method_type, job.method_type: settings})

"""What making a model again would take: each step of its recipe as a new job, checked and priced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.errors import InvalidRequest, TunehouseError
from service.jobs.admission.checks import check_admission
from service.jobs.admission.estimate import JobEstimate
from service.jobs.admission.request import request_of_body
from service.jobs.retrain.recipe import Dataset, RecipeLink
from service.jobs.schemas import (
    DpoHyperparameters,
    Hyperparameters,
    JobCreate,
    Method,
    ReinforcementHyperparameters,
)
from service.jobs.tables import Job
from service.models.queries import Target, resolve

_SETTINGS: Mapping[str, type[Hyperparameters]] = {
    "supervised": Hyperparameters,
    "dpo": DpoHyperparameters,
    "reinforcement": ReinforcementHyperparameters,
}


@dataclass(frozen=True)
class StepPlan:
    """One step as a job; without an estimate, `problem` says why it cannot run."""

    step: RecipeLink
    estimate: JobEstimate | None
    problem: str | None


@dataclass(frozen=True)
class RetrainPlan:
    """All steps on one base; the total is None while any step has a problem."""

    target: Target
    steps: Sequence[StepPlan]

    @property
    def problems(self) -> list[str]:
        """Why it cannot run, each once."""
        return list(dict.fromkeys(planned.problem for planned in self.steps if planned.problem))

    @property
    def cost_usd(self) -> Decimal | None:
        """The estimated cost of all steps at today's prices."""
        costs = [planned.estimate.cost_usd for planned in self.steps if planned.estimate]
        return sum(costs, Decimal(0)) if len(costs) == len(self.steps) else None


def new_target(
    session: Session, team_id: str, steps: Sequence[RecipeLink], provider: str | None, model: str | None
) -> Target:
    """The base that the first step shall start from: the old one where it was, unless something is named.

    Raises `NotFound` for what is not on offer, `InvalidRequest` for a tuned model.
    """
    first = steps[0].job
    base = model or first.base_model
    wanted = provider or (None if model else first.provider)
    target = resolve(session, team_id, base)
    if wanted is not None and target.provider != wanted:
        target = resolve(session, team_id, f"{wanted}/{base}")
    if target.tuned is not None:
        raise InvalidRequest(f"{base!r} is no base model.", param="model", code="not_a_base_model")
    return target


def plan_steps(
    session: Session,
    key_id: str,
    steps: Sequence[RecipeLink],
    target: Target,
    *,
    acknowledge_shutdown: bool,
) -> RetrainPlan:
    """Check and price every step as if its team created it today with this key; creates nothing."""
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
    """A file that still holds the content. Raises `InvalidRequest` when none does."""
    if dataset.living_id is None:
        raise InvalidRequest(
            f"The dataset {dataset.original.filename!r} (sha256 {dataset.original.sha256}) was deleted; "
            "upload the same content again to train on it.",
            code="dataset_deleted",
        )
    return dataset.living_id


def body_of(
    job: Job, *, model: str, training_file: str, validation_file: str | None, acknowledge_shutdown: bool
) -> JobCreate:
    """The request that repeats a job on `model`: same data, method, seed, suffix and tags.

    Hyperparameters are those the provider resolved. Raises `InvalidRequest` when they lie outside what
    requests may ask for.
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
            f"Job {job.id} cannot be repeated as it was: {fields or 'its settings'} cannot be asked for."
        ) from unfit


def _method(job: Job) -> Method:
    settings = dict(job.method[job.method_type])
    known = _SETTINGS[job.method_type].model_fields
    resolved = settings.get("hyperparameters", {})
    settings["hyperparameters"] = {name: value for name, value in resolved.items() if name in known}
    return Method.model_validate({"type": job.method_type, job.method_type: settings})

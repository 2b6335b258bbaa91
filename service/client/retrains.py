"""The answers about recipes and retrains: how a model was made, and how it is made again."""

from decimal import Decimal

from service.client.answers import ServiceAnswer


class RecipeDataInfo(ServiceAnswer):
    """A dataset of a step; `available_as` is None once no file has its content."""

    sha256: str
    filename: str
    available_as: str | None


class RecipeStepInfo(ServiceAnswer):
    """One job of the chain that made a model."""

    position: int
    job_id: str
    starts_from: str
    produced: str
    provider: str
    seed: int | None
    training_data: RecipeDataInfo
    validation_data: RecipeDataInfo | None


class RecipeInfo(ServiceAnswer):
    """The jobs that made a tuned model, the first one from its base."""

    model: str
    base_model: str
    steps: list[RecipeStepInfo]


class PlannedStepInfo(ServiceAnswer):
    """One job that a retrain would create; without a cost, `problem` says why it cannot run."""

    position: int
    repeats_job: str
    training_file: str | None
    cost_usd: Decimal | None
    problem: str | None


class RetrainPlanInfo(ServiceAnswer):
    """A retrain and its cost, of which nothing exists yet; `problems` say why it is not `ready`."""

    source: str
    provider: str
    base_model: str
    steps: list[PlannedStepInfo]
    cost_usd: Decimal | None
    ready: bool
    problems: list[str]


class RetrainStepInfo(ServiceAnswer):
    """One job of a retrain; `job_id` is None until it is created, `produced` until it has succeeded."""

    position: int
    job_id: str | None
    produced: str | None


class RetrainErrorInfo(ServiceAnswer):
    """Why a retrain failed; all None otherwise."""

    code: str | None
    message: str | None


class RetrainInfo(ServiceAnswer):
    """A retrain; its status is "running", "succeeded", "failed" or "cancelled"."""

    id: str
    source: str
    provider: str
    base_model: str
    status: str
    estimated_cost_usd: Decimal
    produced: str | None
    steps: list[RetrainStepInfo]
    error: RetrainErrorInfo
    created_at: int
    finished_at: int | None

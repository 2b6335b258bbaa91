"""Jobs on the wire: OpenAI's fields, and ours under `tunehouse`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from service.catalog.price import PRICE_DECIMALS
from service.core.http.wire import JsonObject, Metadata, Text, WireIn, WireOut

Auto = Literal["auto"]
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
RateMultiplier = Auto | Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Id = Annotated[Text, Field(min_length=1, max_length=256)]
MaxCost = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=PRICE_DECIMALS, examples=["5.00"])]


class Hyperparameters(WireIn):
    """The hyperparameters of every method; with "auto" the provider chooses."""

    n_epochs: Epochs = "auto"
    batch_size: BatchSize = "auto"
    learning_rate_multiplier: RateMultiplier = "auto"


class DpoHyperparameters(Hyperparameters):
    """The hyperparameters of preference tuning; `beta` is the weight of the reference model."""

    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"


class ReinforcementHyperparameters(Hyperparameters):
    """The hyperparameters of reinforcement: also the reasoning effort and how often to evaluate."""

    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"
    compute_multiplier: Auto | Annotated[float, Field(gt=0.00001, le=10)] = "auto"
    eval_interval: Auto | Annotated[int, Field(ge=1)] = "auto"
    eval_samples: Auto | Annotated[int, Field(ge=1)] = "auto"


class Supervised(WireIn):
    """Learn from example answers."""

    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)


class Dpo(WireIn):
    """Learn from preferred and rejected answers."""

    hyperparameters: DpoHyperparameters = Field(default_factory=DpoHyperparameters)


class Reinforcement(WireIn):
    """Learn from a grader's scores; the grader is passed to the provider unchanged."""

    grader: JsonObject
    hyperparameters: ReinforcementHyperparameters = Field(default_factory=ReinforcementHyperparameters)
    response_format: JsonObject | None = None


class Method(WireIn):
    """A method: its name in `type`, its settings under that name."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Dpo | None = None
    reinforcement: Reinforcement | None = None

    @model_validator(mode="after")
    def _settings_belong_to_the_type(self) -> "Method":
        given = {name for name in ("supervised", "dpo", "reinforcement") if getattr(self, name) is not None}
        if stray := sorted(given - {self.type}):
            raise ValueError(f"remove '{stray[0]}' or set 'type' to it: the type is '{self.type}'")
        if self.type == "reinforcement" and self.reinforcement is None:
            raise ValueError("'reinforcement' needs a grader: send it as method.reinforcement.grader")
        return self

    @property
    def settings(self) -> Supervised | Dpo | Reinforcement:
        """The settings of the chosen method, or its defaults."""
        return (
            self.supervised
            or self.dpo
            or self.reinforcement
            or (Dpo() if self.type == "dpo" else Supervised())
        )


class WandbSettings(WireIn):
    """Where Weights & Biases stores the run."""

    project: Text
    name: Text | None = None
    entity: Text | None = None
    tags: list[Text] | None = None


class Integration(WireIn):
    """A service to which the provider reports metrics."""

    type: Literal["wandb"]
    wandb: WandbSettings


class JobOptions(WireIn):
    """The fields of a request that Tunehouse adds to OpenAI's."""

    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    acknowledge_shutdown: bool = False  # tune a model although it shuts down soon
    max_cost_usd: MaxCost | None = None  # an estimate above it is refused; a job that exceeds it is stopped


class JobCreate(WireIn):
    """A new job, as OpenAI's API takes it; `tunehouse` is ours."""

    model: Id
    training_file: Id
    validation_file: Id | None = None
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: Metadata | None = None
    integrations: Annotated[list[Integration], Field(max_length=5)] | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    tunehouse: JobOptions | None = None

    @field_validator("metadata")
    @classmethod
    def _reserved_names(cls, metadata: dict[str, str] | None) -> dict[str, str] | None:
        if taken := sorted(key for key in metadata or () if key.startswith("tunehouse")):
            raise ValueError(f"rename '{taken[0]}': keys that begin with 'tunehouse' are reserved")
        return metadata

    @model_validator(mode="after")
    def _hyperparameters_in_one_place(self) -> "JobCreate":
        """Refuse two that differ; a job's echo has the same ones in both places."""
        if (
            self.hyperparameters
            and self.method
            and self.method.settings.model_fields_set & {"hyperparameters"}
            and self.method.settings.hyperparameters.model_dump() != self.hyperparameters.model_dump()
        ):
            raise ValueError(
                "the deprecated hyperparameters at the top level differ from those of the method: remove them"
            )
        if self.hyperparameters and self.method and self.method.type != "supervised":
            raise ValueError(
                "top-level hyperparameters apply to the supervised method only: move them into the method"
            )
        return self


class JobError(WireOut):
    """Why a job failed; all null unless it did."""

    code: str | None = None
    message: str | None = None
    param: str | None = None


class JobExtras(WireOut):
    """What Tunehouse adds to a job.

    While the job is in our queue, `queue_position` counts from 1, `estimated_start` is estimated from the
    duration of earlier jobs, and `waiting_for` is `turn`, or the block that holds jobs back: `rate`, `daily`,
    `quota` or `key`. `billed_by` is tokens or hours; `training_seconds` is null unless the provider reports
    it.
    """

    team_id: str
    provider: str
    provider_status: str | None
    base_model: str
    parent_model: str | None
    billed_by: str
    training_seconds: float | None
    estimated_cost_usd: str | None
    held_usd: str
    cost_usd: str
    max_cost_usd: str | None
    requested: str | None
    priority: int
    queue_position: int | None
    estimated_start: int | None
    waiting_for: str | None


class JobOut(WireOut):
    """A job."""

    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    id: str
    created_at: int
    finished_at: int | None
    estimated_finish: int | None
    model: str
    fine_tuned_model: str | None
    organization_id: str
    status: str
    training_file: str
    validation_file: str | None
    result_files: list[str]
    trained_tokens: int | None
    seed: int | None
    hyperparameters: dict[str, Any] | None
    method: dict[str, Any]
    error: JobError
    integrations: list[dict[str, Any]]
    metadata: dict[str, str] | None
    user_provided_suffix: str | None
    tunehouse: JobExtras


class JobEventOut(WireOut):
    """An event in a job's log."""

    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    id: str
    created_at: int
    level: str
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any]
    number: int


class CheckpointOut(WireOut):
    """A checkpoint: a model that can be used and tuned further."""

    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    id: str
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: dict[str, float]
    step_number: int


class MaxCostIn(WireIn):
    """A job's new limit; null removes it."""

    max_cost_usd: MaxCost | None


class EstimateOut(WireOut):
    """The estimated training and cost of a job; nothing was created. `cost_usd` is the amount it would hold.

    `upper_bound_usd` is null if the duration is not known in advance and no `max_cost_usd` bounds it.
    """

    object: Literal["fine_tuning.estimate"] = "fine_tuning.estimate"
    model: str
    method: str
    provider: str
    n_epochs: int
    trained_tokens: int | None
    training_hours: str | None
    cost_usd: str
    upper_bound_usd: str | None
    price_id: str
    budget: dict[str, Any]
    warnings: list[str]

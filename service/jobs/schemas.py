"""Jobs on the wire: OpenAI's fields, and ours under `tunehouse`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from service.catalog.price import PRICE_DECIMALS
from service.core.http.wire import Metadata, Text, WireIn, WireOut
from service.jobs.methods import Hyperparameters, Method

Id = Annotated[Text, Field(min_length=1, max_length=256)]
MaxCost = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=PRICE_DECIMALS, examples=["5.00"])]


class WandbSettings(WireIn):
    """Where Weights & Biases stores the run."""

    project: Text
    """The project that gets the run."""
    name: Text | None = None
    """The run's name; null means the job's id."""
    entity: Text | None = None
    """The user or team that owns the run; null means the default of the provider's account."""
    tags: list[Text] | None = None
    """Tags of the run."""


class Integration(WireIn):
    """A service to which the provider reports metrics."""

    type: Literal["wandb"]
    """The kind of service."""
    wandb: WandbSettings
    """Settings of Weights & Biases."""


class JobOptions(WireIn):
    """The fields of a request that Tunehouse adds to OpenAI's."""

    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    """Order within your team's jobs in the queue, -100 to 100: higher is sent earlier."""
    acknowledge_shutdown: bool = False
    """Tune a model although it shuts down soon, which is refused otherwise."""
    max_cost_usd: MaxCost | None = None
    """The most that the job may cost. An estimate above it is refused; a job that exceeds it is stopped."""


class JobCreate(WireIn):
    """A new job, as OpenAI's API takes it."""

    model: Id
    """What to tune: a base, one of your tuned models, a checkpoint or an alias."""
    training_file: Id
    """The id of the file to train on. It may still be in its check: the job then waits for it."""
    validation_file: Id | None = None
    """The id of a file to measure the loss on during training; null for none."""
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """Part of the tuned model's name, up to 64 letters, digits, `-` and `_`; null for none."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """Makes runs repeatable as far as the provider can, 0 to 2147483647. With null, Tunehouse draws one."""
    metadata: Metadata | None = None
    """Up to 16 pairs of your own, for filters and cost reports. Keys have up to 64 characters, values 512."""
    integrations: Annotated[list[Integration], Field(max_length=5)] | None = None
    """Up to 5 services to which the provider reports metrics."""
    hyperparameters: Hyperparameters | None = None
    """Deprecated by OpenAI: use `method`. Applies to the method `supervised` only."""
    method: Method | None = None
    """The method and its settings; null means `supervised` with its defaults."""
    tunehouse: JobOptions | None = None
    """Options that OpenAI's API does not have."""

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
    """The kind of error, for programs."""
    message: str | None = None
    """What went wrong and what to do."""
    param: str | None = None
    """The field of the request that the error is about, usually `training_file`."""


class BaseIdentityOut(WireOut):
    """A base by its content, which a name alone does not determine."""

    sha256: str
    """A hash of its weights, configuration and tokenizer."""
    revision: str | None
    """The commit that it was downloaded at; null if it was not downloaded."""
    licence: str | None
    """The licence in its model card; null if it names none."""


class JobExtras(WireOut):
    """Tunehouse's own fields of a job."""

    team_id: str
    provider: str
    provider_status: str | None
    """The job's status in the provider's own words; null until the provider has the job."""
    base_model: str
    """The base at the root of `model`."""
    parent_model: str | None
    """The tuned model or checkpoint that the job starts from; null if it starts from a base."""
    billed_by: str
    """What the training is charged by: `tokens` or `hours`."""
    training_seconds: float | None
    """How long the provider trained; null unless it reports that."""
    base_identity: BaseIdentityOut | None
    """What the base was when the job trained it; null unless the provider reports it."""
    estimated_cost_usd: str | None
    """The estimate at creation; null while the file's check runs, or if nothing can be estimated."""
    held_usd: str
    """What the budget currently holds for this job."""
    cost_usd: str
    """What the job was charged so far, corrections included."""
    max_cost_usd: str | None
    """The job's limit; null if it has none."""
    requested: str | None
    """`cancel`, `pause` or `resume`, until the provider has accepted it; then null."""
    priority: int
    """Order within the team's jobs in the queue: higher is sent earlier."""
    queue_position: int | None
    """Place in our queue, from 1; null once the job is sent."""
    estimated_start: int | None
    """When the job is expected to be sent, in unix seconds, judged by earlier jobs; null if unknown."""
    waiting_for: str | None
    """Why the job waits in our queue: `turn`, or the provider's block: `rate`, `daily`, `quota` or `key`."""


class JobOut(WireOut):
    """A job."""

    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    id: str
    created_at: int
    finished_at: int | None
    """When the job ended, in unix seconds; null until then."""
    estimated_finish: int | None
    """When the provider expects to be done, in unix seconds; null if unknown, and once the job has ended."""
    model: str
    """The model that is tuned, as you named it."""
    fine_tuned_model: str | None
    """The name of the new model; null until the job has succeeded."""
    organization_id: str
    """The id of the team."""
    status: str
    """`validating_files`, `queued`, `running`, `pausing`, `paused`, `succeeded`, `failed` or `cancelled`."""
    training_file: str
    """The id of the training file."""
    validation_file: str | None
    """The id of the validation file; null if there is none."""
    result_files: list[str]
    """Ids of files with the metrics of each step, as CSV. Empty until the job has ended."""
    trained_tokens: int | None
    """Tokens that the provider trained and bills, over all epochs; null until it reports them."""
    seed: int | None
    """The seed of the run; null if the provider takes none or has not reported it."""
    hyperparameters: dict[str, Any] | None
    """The hyperparameters in use. The provider's choices replace "auto" once it reports them."""
    method: dict[str, Any]
    """The method and its settings, in the form of a request."""
    error: JobError
    """Why the job failed."""
    integrations: list[dict[str, Any]]
    """Services to which the provider reports metrics."""
    metadata: dict[str, str] | None
    """Your own pairs; null if you sent none."""
    user_provided_suffix: str | None
    """The suffix of the request; null if it had none."""
    tunehouse: JobExtras
    """Fields that OpenAI's API does not have."""


class JobEventOut(WireOut):
    """An event in a job's log."""

    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    id: str
    created_at: int
    level: str
    """`info`, `warn` or `error`."""
    message: str
    """What happened, for people."""
    type: Literal["message", "metrics"]
    """`metrics` if `data` has measurements of a step, else `message`."""
    data: dict[str, Any]
    """Details for programs: measurements by name, or fields that depend on the message."""
    number: int
    """Place in the job's log, from 1 without gaps."""


class CheckpointOut(WireOut):
    """A checkpoint: a model that can be used and tuned further."""

    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    id: str
    created_at: int
    fine_tuned_model_checkpoint: str
    """The checkpoint's name, to call it or to tune it further."""
    fine_tuning_job_id: str
    """The id of the job that made it."""
    metrics: dict[str, float]
    """Measurements at this step, such as `train_loss` and `valid_loss`."""
    step_number: int
    """The training step after which it was saved."""


class MaxCostIn(WireIn):
    """A job's new limit."""

    max_cost_usd: MaxCost | None
    """The most that the job may cost; null removes the limit."""


class EstimateOut(WireOut):
    """The estimated training and cost of a job; nothing was created."""

    object: Literal["fine_tuning.estimate"] = "fine_tuning.estimate"
    model: str
    """The model that would be tuned, as you named it."""
    method: str
    """`supervised`, `dpo` or `reinforcement`."""
    provider: str
    n_epochs: int
    """The requested epochs, or those that "auto" is expected to choose."""
    trained_tokens: int | None
    """Tokens that would be trained, over all epochs; null for reinforcement, whose tokens are not known."""
    training_hours: str | None
    """Expected hours of training, at most; null if training is billed by tokens."""
    cost_usd: str
    """The amount that the job would hold on the budget."""
    upper_bound_usd: str | None
    """The most it can cost; null if the duration is unknown and no `max_cost_usd` bounds it."""
    price_id: str
    budget: dict[str, Any]
    """The team's budget as it is now."""
    warnings: list[str]
    """What to know before you create the job."""

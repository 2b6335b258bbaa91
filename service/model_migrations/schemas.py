"""Migrations on the wire. Amounts are decimal strings in US dollars."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from service.comparisons.grading import Grader
from service.comparisons.schemas import MOST_PROMPTS
from service.core.http.wire import Name, Text, WireIn, WireOut
from service.jobs.schemas import Id, MaxCost
from service.model_migrations.tables import MigrationStatus, StepStatus

MOST_MODELS = 100
_SELECTORS = ("models", "alias", "shutting_down_before")


class Destination(WireIn):
    """The base model at the provider to which the models move."""

    provider: Annotated[Text, Field(max_length=64)]
    """The provider's name, as the operator configured it."""
    base: Id
    """A base model that the provider can tune."""


class Acceptance(WireIn):
    """When a new model may replace the old one.

    Both answer up to `max_prompts` held-out prompts, and the `grader` of comparisons decides each. The new
    model is accepted if the share of prompts that it loses, less the share that it wins, is at most `margin`.
    """

    grader: Grader
    """The grader of comparisons that decides which of two answers is better."""
    judge_model: Name | None = None
    """The model that decides; required with the grader `judge`."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of prompts, 0 to 1, by which the new model may lose more than it wins."""
    max_prompts: Annotated[int, Field(ge=1, le=MOST_PROMPTS)] = 50
    """The most held-out prompts to compare each model on."""
    max_output_tokens: Annotated[int, Field(ge=1, le=16384)] = 512
    """The longest answer to a prompt, in tokens."""

    @model_validator(mode="after")
    def _check_judge(self) -> Self:
        if (self.grader is Grader.JUDGE) is not (self.judge_model is not None):
            raise ValueError(
                "judge_model is required with the grader 'judge', and not allowed with any other"
            )
        return self


class MigrationCreate(WireIn):
    """Which models to move, and where: exactly one of `models`, `alias` and `shutting_down_before`.

    `prompts` is a chat file with held-out prompts; without it, each model's own validation file is used.
    Without `accept` models are retrained, but not compared, and no alias is switched.
    """

    models: Annotated[list[Name], Field(min_length=1, max_length=MOST_MODELS)] | None = None
    """The tuned models to move."""
    alias: Name | None = None
    """An alias of the tuned model to move."""
    shutting_down_before: date | None = Field(
        default=None, description="The last day: models that stop answering on it are moved too."
    )
    to: Destination | Literal["cheapest"]
    """The base to move to, or `cheapest`: the base with the lowest training cost that takes the data."""
    prompts: Id | None = None
    """The id of a chat file with held-out prompts; without it, each model's validation file is used."""
    accept: Acceptance | None = None
    """When a new model may replace the old one; without it, nothing is compared or switched."""
    max_cost_usd: MaxCost | None = None
    """The most that the migration may cost, in US dollars."""

    @model_validator(mode="after")
    def _check_selection(self) -> Self:
        given = [name for name in _SELECTORS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"send exactly one of {', '.join(_SELECTORS)}; found {', '.join(given) or 'none of them'}"
            )
        if self.prompts is not None and self.accept is None:
            raise ValueError("'prompts' are for comparing models: send 'accept' too")
        return self


class MigrationStart(WireIn):
    """The confirmation of a plan, by its fingerprint."""

    fingerprint: Annotated[Text, Field(min_length=1, max_length=64)]
    """The fingerprint of the plan that you confirm."""


class PlannedDataset(WireOut):
    """A dataset of a planned job."""

    file_id: str
    sha256: str
    """The SHA-256 of the content."""
    filename: str
    """The name under which it was uploaded."""
    examples: int
    """The number of its examples."""


class PlannedComparison(WireOut):
    """How a new model will be compared with the old one, and the most that it can cost."""

    file_id: str
    prompts: int
    """The number of prompts."""
    grader: Grader
    """The grader that decides."""
    most_usd: str
    """The most that it can cost, in US dollars."""


class PlannedMove(WireOut):
    """One job to repeat.

    `training_data` has several datasets where the provider cannot tune a tuned model again.
    """

    position: int
    """The place in the plan, from 1; parents come first."""
    model: str
    """The model that the job made, which moves."""
    repeats_job: str
    """The id of the job to repeat."""
    is_selected: bool
    """Whether you asked to move it; false if only another model needs it."""
    aliases: list[str]
    """The team's aliases that point at it now; empty unless it is selected."""
    provider: str
    base_model: str
    starts_from: int | None
    """The position of the step that it starts from; null if that is the base."""
    checkpoint_step: int | None
    """The step of the checkpoint that it starts from; null for the finished model."""
    reuses: str | None
    """The model that an earlier migration made of it, which is not trained again; null otherwise."""
    training_data: list[PlannedDataset]
    """Its data. Several datasets become one file."""
    format: str | None
    """The format of the data at the target; null if the method is not available there."""
    method: dict[str, Any]
    """The method with the hyperparameters to request."""
    sent_as: dict[str, Any]
    """The hyperparameters in the provider's terms."""
    n_epochs: int | None
    """The number of epochs; null if the job is not trained."""
    trained_tokens: int | None
    """The tokens to train on; null if it is not trained, or by reinforcement."""
    training_usd: str | None
    """The estimated cost of the training, in US dollars; null if it cannot move."""
    price_id: str | None
    """The id of the price; null if it is not trained."""
    expected_hours: str | None
    """The expected hours of training; null if the provider's latest jobs do not tell."""
    comparison: PlannedComparison | None
    """How it is compared; null if it is not."""
    not_compared: str | None
    """Why it is not compared, although `accept` was sent; null otherwise."""
    notes: list[str]
    """What would be translated or left out."""
    problem: str | None
    """Why it cannot move; null if it can."""


class CannotMove(WireOut):
    """A selected model that the migration leaves where it is."""

    model: str
    """The model's name."""
    reason: str
    """Why it stays."""


class MigrationPlanOut(WireOut):
    """What a migration would do, in lineage order, at today's prices. Nothing was spent.

    `comparison_usd` is the most that the comparisons can cost. `ready` says whether it can be started;
    `problems` say why not. `risks` is what to know before confirming it.
    """

    steps: list[PlannedMove]
    """The jobs to repeat, in lineage order."""
    cannot_move: list[CannotMove]
    """The selected models that stay where they are."""
    training_usd: str
    """The estimated cost of all training, in US dollars."""
    comparison_usd: str
    """The most that all comparisons can cost, in US dollars."""
    total_usd: str
    """The sum of both, in US dollars."""
    expected_hours: str | None
    """The expected hours of the longest line of jobs; null if one of them is not known."""
    ready: bool
    """Whether it can be started."""
    problems: list[str]
    """Why it cannot be started."""
    risks: list[str]
    """What to know before you confirm it."""


class MigrationStepOut(WireOut):
    """How far the move of one model is. `reason` says why it waits, was not compared, or was not moved."""

    position: int
    """The place in the plan."""
    model: str
    """The model that moves."""
    status: StepStatus
    """How far it is."""
    reason: str | None
    """Why it waits, was not compared, or was not moved; null otherwise."""
    job_id: str | None
    """The id of the new job; null before it is created."""
    produced: str | None
    """The new model; null before it is made."""
    comparison_id: str | None
    """The id of the comparison; null before it begins."""
    switched_aliases: list[str]
    """The aliases that were pointed at the new model."""


class MigrationOut(WireOut):
    """A migration: its plan, and the progress of its steps once it was started.

    To start it, send its `fingerprint` to `POST /v1/model_migrations/{id}/start`. `cost_usd` is what its jobs
    and comparisons have cost so far.
    """

    object: Literal["model_migration"] = "model_migration"
    id: str
    status: MigrationStatus
    """The state of the migration."""
    error: str | None
    """Why it failed; null otherwise."""
    fingerprint: str
    """What to send to confirm the plan."""
    max_cost_usd: str | None
    """Its own limit in US dollars; null without one."""
    cost_usd: str
    """What its jobs and comparisons have cost so far, in US dollars."""
    plan: MigrationPlanOut
    """What is done, as planned."""
    steps: list[MigrationStepOut]
    """The progress of each move; empty before it is started."""
    created_at: int
    started_at: int | None
    """When it was started, in unix seconds; null before that."""
    finished_at: int | None
    """When it ended, in unix seconds; null before that."""

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
    base: Id


class Acceptance(WireIn):
    """When a new model may replace the old one.

    Both answer up to `max_prompts` held-out prompts, and the `grader` of comparisons decides each. The new
    model is accepted if the share of prompts that it loses, less the share that it wins, is at most `margin`.
    """

    grader: Grader
    judge_model: Name | None = None
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_prompts: Annotated[int, Field(ge=1, le=MOST_PROMPTS)] = 50
    max_output_tokens: Annotated[int, Field(ge=1, le=16384)] = 512

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
    alias: Name | None = None
    shutting_down_before: date | None = Field(
        default=None, description="The last day: models that stop answering on it are moved too."
    )
    to: Destination | Literal["cheapest"]
    prompts: Id | None = None
    accept: Acceptance | None = None
    max_cost_usd: MaxCost | None = None

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


class PlannedDataset(WireOut):
    """A dataset of a planned job."""

    file_id: str
    sha256: str
    filename: str
    examples: int


class PlannedComparison(WireOut):
    """How a new model will be compared with the old one, and the most that it can cost."""

    file_id: str
    prompts: int
    grader: Grader
    most_usd: str


class PlannedMove(WireOut):
    """One job to repeat.

    `starts_from` is the position of the step whose model it starts from; null: the base. `reuses` is a model
    that an earlier migration made from the same one: it is not trained again. `is_selected` is false for
    models that only others need. `training_data` has several datasets where the provider cannot tune a tuned
    model again: they become one. `method` has the hyperparameters as they will be requested, and `sent_as`
    those in the provider's terms. `not_compared` and `problem` say why a model is not compared or cannot
    move. `expected_hours` is estimated from the provider's latest jobs; null if there are none.
    """

    position: int
    model: str
    repeats_job: str
    is_selected: bool
    aliases: list[str]
    provider: str
    base_model: str
    starts_from: int | None
    checkpoint_step: int | None
    reuses: str | None
    training_data: list[PlannedDataset]
    format: str | None
    method: dict[str, Any]
    sent_as: dict[str, Any]
    n_epochs: int | None
    trained_tokens: int | None
    training_usd: str | None
    price_id: str | None
    expected_hours: str | None
    comparison: PlannedComparison | None
    not_compared: str | None
    notes: list[str]
    problem: str | None


class CannotMove(WireOut):
    """A selected model that the migration leaves where it is."""

    model: str
    reason: str


class MigrationPlanOut(WireOut):
    """What a migration would do, in lineage order, at today's prices. Nothing was spent.

    `comparison_usd` is the most that the comparisons can cost. `ready` says whether it can be started;
    `problems` say why not. `risks` is what to know before confirming it.
    """

    steps: list[PlannedMove]
    cannot_move: list[CannotMove]
    training_usd: str
    comparison_usd: str
    total_usd: str
    expected_hours: str | None
    ready: bool
    problems: list[str]
    risks: list[str]


class MigrationStepOut(WireOut):
    """How far the move of one model is. `reason` says why it waits, was not compared, or was not moved."""

    position: int
    model: str
    status: StepStatus
    reason: str | None
    job_id: str | None
    produced: str | None
    comparison_id: str | None
    switched_aliases: list[str]


class MigrationOut(WireOut):
    """A migration: its plan, and the progress of its steps once it was started.

    To start it, send its `fingerprint` to `POST /v1/model_migrations/{id}/start`. `cost_usd` is what its jobs
    and comparisons have cost so far.
    """

    object: Literal["model_migration"] = "model_migration"
    id: str
    status: MigrationStatus
    error: str | None
    fingerprint: str
    max_cost_usd: str | None
    cost_usd: str
    plan: MigrationPlanOut
    steps: list[MigrationStepOut]
    created_at: int
    started_at: int | None
    finished_at: int | None

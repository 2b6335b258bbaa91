"""Request and response bodies of comparisons."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from service.comparisons.grading import Grader
from service.comparisons.tables import Status, Verdict
from service.core.http.wire import Name, WireIn, WireOut

MOST_PROMPTS = 200


class ComparisonCreate(WireIn):
    """A comparison to create."""

    models: Annotated[list[Name], Field(min_length=2, max_length=2)] = Field(
        description="The two models to compare, such as a base model and one tuned from it."
    )
    file_id: Name = Field(
        description="A processed chat file. The last message of each example is the expected answer."
    )
    grader: Grader
    """How answers are graded: by a rule on the expected answer, or by a judge model."""
    judge_model: Name | None = Field(
        default=None, description="The model that decides; required with the grader `judge`."
    )
    max_prompts: Annotated[int, Field(ge=1, le=MOST_PROMPTS)] = MOST_PROMPTS
    """The most examples of the file to ask; more are sampled by `seed`."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Chooses the sample, and the order in which a judge sees the answers."""
    max_output_tokens: Annotated[int, Field(ge=1, le=16384)] = 512
    """The most tokens of one answer, 1 to 16,384."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Randomness of the answers, 0 to 2; null means the model's default."""

    @model_validator(mode="after")
    def _check_judge(self) -> Self:
        if (self.grader is Grader.JUDGE) is not (self.judge_model is not None):
            raise ValueError(
                "judge_model is required with the grader 'judge', and not allowed with any other"
            )
        return self


class SideOut(WireOut):
    """One model's sums."""

    model: str
    """The model as you named it."""
    wins: int
    """Prompts that this model answered better."""
    losses: int
    """Prompts that the other model answered better."""
    ties: int
    """Prompts with equal answers, or without an answer of either model."""
    failed: int
    """Prompts without an answer of this model; they are lost, unless the other failed too."""
    mean_score: float | None
    """The mean of the scores, 0 to 1; a missing answer counts as 0. Null if the grader gives no scores."""
    cost_usd: str
    """What the model's answers cost."""
    input_tokens: int
    """Tokens of input in all."""
    output_tokens: int
    """Tokens of output in all."""
    latency_ms_p50: int | None
    """The median time of an answer, in milliseconds; null without answers."""
    latency_ms_p95: int | None
    """95 % of the answers took at most so many milliseconds; null without answers."""


class AnswerOut(WireOut):
    """One model's answer to one prompt."""

    text: str | None
    """The answer; null if there is none."""
    error: str | None
    """Why there is no answer; null if there is one."""
    score: float | None
    """The grader's score, 0 to 1; null if it gives none."""
    cost_usd: str
    """What the answer cost."""
    latency_ms: int
    """How long the answer took, in milliseconds."""


class PromptOut(WireOut):
    """One prompt and the two answers."""

    line: int
    """The example's number in the file, from 1."""
    verdict: Verdict | None
    """Which answer is better; null until it is graded."""
    first: AnswerOut | None
    """The first model's answer; null until it is there."""
    second: AnswerOut | None
    """The second model's answer; null until it is there."""
    judge: str | None
    """The judge's reason; null if there is no judge."""


class ComparisonOut(WireOut):
    """A comparison and its results so far."""

    id: str
    object: Literal["comparison"] = "comparison"
    status: Status
    error: str | None
    """Why it failed; null unless it did."""
    file_id: str
    """The id of the file with the prompts."""
    grader: Grader
    """How the answers are graded."""
    judge_model: str | None
    """The model that judges; null if the grader is a rule."""
    prompts: int
    """How many prompts are asked."""
    graded: int
    """How many are graded so far."""
    seed: int
    """What chose the sample."""
    max_output_tokens: int
    """The most tokens of one answer."""
    temperature: float | None
    """Randomness of the answers; null means the model's default."""
    models: list[SideOut]
    """The sums of the two models, in the order of the request."""
    judge_cost_usd: str
    """What the judge's answers cost."""
    cost_usd: str
    """What all answers cost, the judge's included."""
    created_at: int
    finished_at: int | None
    """When it ended, in unix seconds; null until then."""
    results: list[PromptOut] | None = None
    """The prompts with their answers; null in lists."""

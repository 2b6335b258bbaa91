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
    judge_model: Name | None = Field(
        default=None, description="The model that decides; required with the grader `judge`."
    )
    max_prompts: Annotated[int, Field(ge=1, le=MOST_PROMPTS)] = MOST_PROMPTS
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    max_output_tokens: Annotated[int, Field(ge=1, le=16384)] = 512
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None

    @model_validator(mode="after")
    def _check_judge(self) -> Self:
        if (self.grader is Grader.JUDGE) is not (self.judge_model is not None):
            raise ValueError(
                "judge_model is required with the grader 'judge', and not allowed with any other"
            )
        return self


class SideOut(WireOut):
    """One model's sums. A prompt without an answer counts as failed and lost; a tie if both failed."""

    model: str
    wins: int
    losses: int
    ties: int
    failed: int
    mean_score: float | None
    cost_usd: str
    input_tokens: int
    output_tokens: int
    latency_ms_p50: int | None
    latency_ms_p95: int | None


class AnswerOut(WireOut):
    """One model's answer to one prompt."""

    text: str | None
    error: str | None
    score: float | None
    cost_usd: str
    latency_ms: int


class PromptOut(WireOut):
    """One prompt; `line` is the example's number in the file, from 1."""

    line: int
    verdict: Verdict | None
    first: AnswerOut | None
    second: AnswerOut | None
    judge: str | None


class ComparisonOut(WireOut):
    """A comparison and its results so far; lists omit `results`."""

    id: str
    object: Literal["comparison"] = "comparison"
    status: Status
    error: str | None
    file_id: str
    grader: Grader
    judge_model: str | None
    prompts: int
    graded: int
    seed: int
    max_output_tokens: int
    temperature: float | None
    models: list[SideOut]
    judge_cost_usd: str
    cost_usd: str
    created_at: int
    finished_at: int | None
    results: list[PromptOut] | None = None

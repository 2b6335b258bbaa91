"""Compute the report of a comparison."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from service.comparisons.grading import Grader
from service.comparisons.schemas import AnswerOut, ComparisonOut, PromptOut, SideOut
from service.comparisons.tables import Comparison, ComparisonAnswer, ComparisonPrompt, Role, Status, Verdict
from service.core.clock import unix
from service.ledger.money import usd

_SIDES = ((Role.FIRST, Verdict.FIRST), (Role.SECOND, Verdict.SECOND))


def comparison_out(
    comparison: Comparison,
    prompts: Sequence[ComparisonPrompt],
    answers: Sequence[ComparisonAnswer],
    *,
    with_results: bool,
) -> ComparisonOut:
    """Return sums over graded prompts, and costs over all answers."""
    verdicts = {prompt.line: prompt.verdict for prompt in prompts if prompt.verdict is not None}
    by_role = {role: [answer for answer in answers if answer.role == role] for role in Role}
    return ComparisonOut(
        id=comparison.id,
        status=Status(comparison.status),
        error=comparison.error,
        file_id=comparison.file_id,
        grader=Grader(comparison.grader),
        judge_model=comparison.judge_model,
        prompts=comparison.prompts,
        graded=len(verdicts),
        seed=comparison.seed,
        max_output_tokens=comparison.max_output_tokens,
        temperature=comparison.temperature,
        models=[
            _side(model, by_role[role], verdicts, win)
            for model, (role, win) in zip(comparison.models, _SIDES, strict=True)
        ],
        judge_cost_usd=usd(_cost(by_role[Role.JUDGE])),
        cost_usd=usd(_cost(answers)),
        created_at=unix(comparison.created_at),
        finished_at=unix(comparison.finished_at) if comparison.finished_at else None,
        results=_results(prompts, answers) if with_results else None,
    )


def _side(
    model: str, answers: Sequence[ComparisonAnswer], verdicts: Mapping[int, str], win: Verdict
) -> SideOut:
    scores = [0.0 if answer.score is None else answer.score for answer in answers]
    is_scored = any(answer.score is not None for answer in answers)
    latencies = sorted(answer.latency_ms for answer in answers if answer.error is None)
    ties = sum(verdict == Verdict.TIE for verdict in verdicts.values())
    wins = sum(verdict == win for verdict in verdicts.values())
    return SideOut(
        model=model,
        wins=wins,
        losses=len(verdicts) - wins - ties,
        ties=ties,
        failed=sum(answer.error is not None for answer in answers),
        mean_score=round(sum(scores) / len(scores), 4) if is_scored else None,
        cost_usd=usd(_cost(answers)),
        input_tokens=sum(answer.input_tokens for answer in answers),
        output_tokens=sum(answer.output_tokens for answer in answers),
        latency_ms_p50=_percentile(latencies, 0.5),
        latency_ms_p95=_percentile(latencies, 0.95),
    )


def _cost(answers: Sequence[ComparisonAnswer]) -> Decimal:
    return sum((answer.cost_usd for answer in answers), Decimal(0))


def _percentile(ordered: Sequence[int], share: float) -> int | None:
    """Return a percentile (nearest rank)."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else None


def _results(prompts: Sequence[ComparisonPrompt], answers: Sequence[ComparisonAnswer]) -> list[PromptOut]:
    known = {(answer.line, answer.role): answer for answer in answers}
    return [
        PromptOut(
            line=prompt.line,
            verdict=Verdict(prompt.verdict) if prompt.verdict else None,
            first=_answer_out(known.get((prompt.line, Role.FIRST))),
            second=_answer_out(known.get((prompt.line, Role.SECOND))),
            judge=_judge_text(known.get((prompt.line, Role.JUDGE))),
        )
        for prompt in prompts
    ]


def _answer_out(answer: ComparisonAnswer | None) -> AnswerOut | None:
    if answer is None:
        return None
    return AnswerOut(
        text=answer.text,
        error=answer.error,
        score=answer.score,
        cost_usd=usd(answer.cost_usd),
        latency_ms=answer.latency_ms,
    )


def _judge_text(answer: ComparisonAnswer | None) -> str | None:
    return (answer.text or answer.error) if answer is not None else None

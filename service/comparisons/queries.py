"""Read comparisons and their open questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from service.comparisons.grading import Grader, judge_messages
from service.comparisons.prompts import question_of
from service.comparisons.tables import Comparison, ComparisonAnswer, ComparisonPrompt, Role
from service.core.http.pages import Page, fetch_page
from service.errors import NotFound


@dataclass(frozen=True)
class Call:
    """A request to send to one of the models or the judge."""

    line: int
    role: Role
    model: str
    messages: list[Any]
    failures: int


def get_comparison(session: Session, team_id: str, comparison_id: str) -> Comparison:
    """Return one of the team's comparisons. Raises `NotFound`."""
    own = select(Comparison).where(Comparison.team_id == team_id, Comparison.id == comparison_id)
    found = session.scalar(own)
    if found is None:
        raise NotFound(f"There is no comparison {comparison_id!r}.", param="comparison_id")
    return found


def list_comparisons(session: Session, team_id: str, after: str | None, limit: int) -> Page[Comparison]:
    """Return a page of the team's comparisons, newest first. Raises `NotFound` for an unknown cursor."""
    own = select(Comparison).where(Comparison.team_id == team_id)
    return fetch_page(session, own, sort=Comparison.created_at, id_=Comparison.id, after=after, limit=limit)


def prompts_of(session: Session, ids: Sequence[str]) -> Sequence[ComparisonPrompt]:
    """Return the prompts of these comparisons without their texts, in file order."""
    found = select(ComparisonPrompt).where(ComparisonPrompt.comparison_id.in_(ids))
    bare = found.options(defer(ComparisonPrompt.messages), defer(ComparisonPrompt.expected))
    return session.scalars(bare.order_by(ComparisonPrompt.comparison_id, ComparisonPrompt.line)).all()


def answers_of(session: Session, ids: Sequence[str], *, with_texts: bool) -> Sequence[ComparisonAnswer]:
    """Return the answers of these comparisons; lists omit the texts."""
    found = select(ComparisonAnswer).where(ComparisonAnswer.comparison_id.in_(ids))
    return session.scalars(found if with_texts else found.options(defer(ComparisonAnswer.text))).all()


def labels_of(session: Session, comparison_id: str) -> Sequence[str]:
    """Return the distinct expected answers."""
    expected = select(ComparisonPrompt.expected).where(ComparisonPrompt.comparison_id == comparison_id)
    return [label for label in session.scalars(expected.distinct()) if label is not None]


def ungraded(session: Session, comparison_id: str) -> int:
    """Return the number of prompts without a verdict."""
    open_ = (ComparisonPrompt.comparison_id == comparison_id, ComparisonPrompt.verdict.is_(None))
    return session.scalar(select(func.count()).select_from(ComparisonPrompt).where(*open_)) or 0


def calls_left(session: Session, comparison: Comparison, limit: int) -> list[Call]:
    """Return up to about `limit` questions that can be asked now, in prompt order."""
    open_ = (
        select(ComparisonPrompt)
        .where(ComparisonPrompt.comparison_id == comparison.id, ComparisonPrompt.verdict.is_(None))
        .order_by(ComparisonPrompt.failures, ComparisonPrompt.line)
        .limit(limit)
    )
    prompts = session.scalars(open_).all()
    of_these = select(ComparisonAnswer).where(
        ComparisonAnswer.comparison_id == comparison.id,
        ComparisonAnswer.line.in_([prompt.line for prompt in prompts]),
    )
    answers = {(answer.line, answer.role): answer for answer in session.scalars(of_these)}
    calls = [call for prompt in prompts for call in _calls_of(comparison, prompt, answers)]
    return calls[:limit]


def _calls_of(
    comparison: Comparison, prompt: ComparisonPrompt, answers: dict[tuple[int, str], ComparisonAnswer]
) -> list[Call]:
    messages = prompt.messages or []
    missing = [
        Call(prompt.line, role, model, messages, prompt.failures)
        for role, model in zip((Role.FIRST, Role.SECOND), comparison.models, strict=True)
        if (prompt.line, role) not in answers
    ]
    if missing or comparison.grader != Grader.JUDGE or comparison.judge_model is None:
        return missing
    asked = judge_messages(
        question_of(messages),
        prompt.expected or "",
        answers[prompt.line, Role.FIRST].text or "",
        answers[prompt.line, Role.SECOND].text or "",
        swapped=is_swapped(prompt.line),
    )
    return [Call(prompt.line, Role.JUDGE, comparison.judge_model, asked, prompt.failures)]


def is_swapped(line: int) -> bool:
    """Return whether the judge sees the second answer first, which is so for every other prompt."""
    return line % 2 == 0

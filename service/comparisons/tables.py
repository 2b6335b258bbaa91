"""Comparisons, their prompts, and what each model made of each."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class Status(StrEnum):
    """How far a comparison is: queued ─► running ─► completed | failed."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Role(StrEnum):
    """Who answers: the first or the second model, or the judge of both."""

    FIRST = "first"
    SECOND = "second"
    JUDGE = "judge"


class Verdict(StrEnum):
    """Which model did better on a prompt."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"


class Comparison(Base):
    """An order to compare two models. `prompts` is how many, `prompt_hold_usd` the most that one may cost."""

    __tablename__ = "comparisons"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    key_id: Mapped[str]
    file_id: Mapped[str] = mapped_column(ForeignKey("files.id"))
    models: Mapped[list[str]] = mapped_column(ARRAY(String))
    grader: Mapped[str]
    judge_model: Mapped[str | None]
    prompts: Mapped[int]
    seed: Mapped[int]
    max_output_tokens: Mapped[int]
    temperature: Mapped[float | None]
    prompt_hold_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    status: Mapped[str]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at", "id"),)


class ComparisonPrompt(Base):
    """One prompt. Its text is kept only while it is needed: when all is done, `messages` and `expected` go.

    `line` is the example's number in the file, from 1. `failures` counts calls to be tried again.
    """

    __tablename__ = "comparison_prompts"

    comparison_id: Mapped[str] = mapped_column(ForeignKey("comparisons.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    messages: Mapped[list[Any] | None]
    expected: Mapped[str | None]
    failures: Mapped[int]
    verdict: Mapped[str | None]


class ComparisonAnswer(Base):
    """What a model answered to a prompt, what it cost and how long it took; `error` says why none."""

    __tablename__ = "comparison_answers"

    comparison_id: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str | None]
    error: Mapped[str | None]
    score: Mapped[float | None]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    latency_ms: Mapped[int]
    answered_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["comparison_id", "line"], ["comparison_prompts.comparison_id", "comparison_prompts.line"]
        ),
    )

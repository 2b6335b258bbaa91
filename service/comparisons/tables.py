"""Tables of comparisons, their prompts and the models' answers."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class Status(StrEnum):
    """The state of a comparison: queued ─► running ─► completed | failed."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Role(StrEnum):
    """The sender of an answer: the first model, the second, or the judge."""

    FIRST = "first"
    SECOND = "second"
    JUDGE = "judge"


class Verdict(StrEnum):
    """The winner of a prompt."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"


class Comparison(Base):
    """A comparison of two models; `prompt_hold_usd` is the maximum cost of one of its `prompts`."""

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
    migration_id: Mapped[str | None]  # the model migration that waits for it, a floor above this one
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at", "id"),)


class ComparisonPrompt(Base):
    """One prompt. Its `messages` and `expected` are deleted when the comparison ends.

    `line` is the example's number in the file, from 1. `failures` counts failed calls that are retried.
    """

    __tablename__ = "comparison_prompts"

    comparison_id: Mapped[str] = mapped_column(ForeignKey("comparisons.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    messages: Mapped[list[Any] | None]
    expected: Mapped[str | None]
    failures: Mapped[int]
    verdict: Mapped[str | None]


class ComparisonAnswer(Base):
    """A model's answer to a prompt, with its cost and latency; `error` says why there is none."""

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

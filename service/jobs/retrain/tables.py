"""Retrains and their steps."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Retrain(Base):
    """A replay of a model's recipe on a base; `model` names that base as `model` of a job does."""

    __tablename__ = "retrains"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    key_id: Mapped[str]
    source_id: Mapped[str] = mapped_column(ForeignKey("tuned_models.id"))
    provider: Mapped[str]
    model: Mapped[str]
    acknowledge_shutdown: Mapped[bool]
    status: Mapped[str]  # running | succeeded | failed | cancelled
    error: Mapped[dict[str, Any] | None]
    estimated_cost_usd: Mapped[Decimal] = mapped_column(Numeric)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at"),)


class RetrainStep(Base):
    """One job of a retrain: the job it repeats, its files, and the model it produced.

    The next step starts from `produced`: the finished model, or the checkpoint of `checkpoint_step`.
    """

    __tablename__ = "retrain_steps"

    retrain_id: Mapped[str] = mapped_column(ForeignKey("retrains.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source_job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    training_file: Mapped[str]
    validation_file: Mapped[str | None]
    checkpoint_step: Mapped[int | None]
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    produced: Mapped[str | None] = mapped_column(ForeignKey("tuned_models.id"))

    __table_args__ = (Index(None, "job_id"),)

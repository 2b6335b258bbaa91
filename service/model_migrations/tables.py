"""Migrations of models and their steps."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class MigrationStatus(StrEnum):
    """The state of a migration.

    planned ──► running ──► completed    each model was moved, or found to be worse
       │           ├──────► failed       at least one model could not be moved
       └───────────┴──────► cancelled    the team cancelled it; models made so far are kept
    """

    PLANNED = "planned"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """The state of one model's move.

    waiting ──► training ──► comparing ──► moved     not worse: the aliases were switched
       │            │            ├───────► worse     worse than accepted: no alias was switched
       │            ├────────────┴───────► made      trained, but not compared: no alias was switched
       ├────────────┴────────────────────► failed
       ├─────────────────────────────────► skipped   the model that it starts from was not made
       └─────────────────────────────────► cancelled
    """

    WAITING = "waiting"
    TRAINING = "training"
    COMPARING = "comparing"
    MOVED = "moved"
    WORSE = "worse"
    MADE = "made"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


OPEN = frozenset({StepStatus.WAITING, StepStatus.TRAINING, StepStatus.COMPARING})


class ModelMigration(Base):
    """A migration: its `request`, and the `plan` that was confirmed by its `fingerprint`."""

    __tablename__ = "model_migrations"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    key_id: Mapped[str]
    request: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any]]
    fingerprint: Mapped[str]
    status: Mapped[str]
    max_cost_usd: Mapped[Decimal | None] = mapped_column(AMOUNT)
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at"),)


class MigrationStep(Base):
    """One job that a migration repeats, and what became of the model that it makes.

    `source_id` is the model that moves. `body` is the new job's request, without its model and training file.
    The job starts from `base`, or from what the step `starts_from` has made: its model, or its checkpoint at
    `checkpoint_step`. `training_files` has several files where the target cannot tune a tuned model: they
    are merged into `training_file`. `prompts_file` is None if the model is not compared. The costs are the
    plan's. `switched` lists the aliases that now point at the new model.
    """

    __tablename__ = "model_migration_steps"

    migration_id: Mapped[str] = mapped_column(ForeignKey("model_migrations.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("tuned_models.id"))
    source_job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    provider: Mapped[str]
    base: Mapped[str]
    body: Mapped[dict[str, Any]]
    starts_from: Mapped[int | None]
    checkpoint_step: Mapped[int | None]
    training_files: Mapped[list[str]] = mapped_column(ARRAY(String))
    training_file: Mapped[str | None]
    prompts_file: Mapped[str | None]
    training_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    comparison_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    status: Mapped[str]
    reason: Mapped[str | None]  # why it waits, was not compared, or failed
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    produced: Mapped[str | None] = mapped_column(ForeignKey("tuned_models.id"))
    comparison_id: Mapped[str | None] = mapped_column(ForeignKey("comparisons.id"))
    switched: Mapped[list[str]] = mapped_column(ARRAY(String))

    __table_args__ = (Index(None, "job_id"), Index(None, "comparison_id"))

"""Migrations as the API shows them."""

from datetime import datetime

from sqlalchemy.orm import Session

from service.core.clock import unix
from service.ledger.money import usd
from service.model_migrations.queries import cost_so_far, steps_of
from service.model_migrations.schemas import MigrationOut, MigrationPlanOut, MigrationStepOut
from service.model_migrations.tables import MigrationStatus, MigrationStep, ModelMigration, StepStatus


def migration_out(session: Session, migration: ModelMigration) -> MigrationOut:
    """The wire form of a migration, with its cost to date."""
    steps = steps_of(session, migration)
    return MigrationOut(
        id=migration.id,
        status=MigrationStatus(migration.status),
        error=migration.error,
        fingerprint=migration.fingerprint,
        max_cost_usd=None if migration.max_cost_usd is None else usd(migration.max_cost_usd),
        cost_usd=usd(cost_so_far(session, migration, steps)),
        plan=MigrationPlanOut.model_validate(migration.plan),
        steps=[_step_out(step) for step in steps],
        created_at=unix(migration.created_at),
        started_at=_unix(migration.started_at),
        finished_at=_unix(migration.finished_at),
    )


def _step_out(step: MigrationStep) -> MigrationStepOut:
    return MigrationStepOut(
        position=step.position,
        model=step.source_id,
        status=StepStatus(step.status),
        reason=step.reason,
        job_id=step.job_id,
        produced=step.produced,
        comparison_id=step.comparison_id,
        switched_aliases=step.switched,
    )


def _unix(moment: datetime | None) -> int | None:
    return unix(moment) if moment else None

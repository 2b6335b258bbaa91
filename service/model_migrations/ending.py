"""End a migration: release its hold and its files, and say what became of it."""

from sqlalchemy.orm import Session

from service.core import clock
from service.events.actions import append
from service.events.types import EventType
from service.files.actions import unmark_used
from service.ledger.actions import release_hold
from service.model_migrations.queries import steps_of
from service.model_migrations.tables import MigrationStatus, MigrationStep, ModelMigration, StepStatus

_UNMOVED = (StepStatus.FAILED, StepStatus.SKIPPED)


def end(session: Session, migration: ModelMigration, status: MigrationStatus) -> None:
    """End a migration with a status, and append its event unless the team cancelled it."""
    steps = steps_of(session, migration)
    migration.status, migration.finished_at = status, clock.now()
    for step in steps:
        for file_id in files_of(step):
            unmark_used(session, file_id=file_id, used_by=migration.id)
    release_hold(session, team_id=migration.team_id, subject_id=migration.id)
    if status is MigrationStatus.CANCELLED:
        return
    counts = {one.value: n for one in StepStatus if (n := sum(step.status == one for step in steps))}
    said = ", ".join(f"{n} {name}" for name, n in counts.items())
    if status is MigrationStatus.FAILED:
        first = next(step for step in steps if step.status in _UNMOVED)
        migration.error = f"Of {len(steps)} models: {said}. {first.source_id}: {first.reason}"
    failed = migration.error is not None
    append(
        session,
        team_id=migration.team_id,
        subject_id=migration.id,
        type=EventType.MIGRATION_FAILED if failed else EventType.MIGRATION_COMPLETED,
        message=migration.error or f"Of {len(steps)} models: {said}.",
        level="error" if failed else "info",
        data={"counts": counts},
    )


def outcome(session: Session, migration: ModelMigration) -> MigrationStatus:
    """The status of a migration whose steps have all ended."""
    failed = any(step.status in _UNMOVED for step in steps_of(session, migration))
    return MigrationStatus.FAILED if failed else MigrationStatus.COMPLETED


def files_of(step: MigrationStep) -> list[str]:
    """The files that a step needs until the migration ends."""
    named = [*step.training_files, step.body.get("validation_file"), step.prompts_file]
    return [one for one in named if one]

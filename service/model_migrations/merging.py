"""The training file of a step: one of the team's files, or several merged into one."""

from sqlalchemy.orm import Session

from service.errors import Conflict
from service.files.actions import mark_used
from service.files.derived.actions import order_merge
from service.files.tables import File, FileStatus
from service.model_migrations.tables import MigrationStep, ModelMigration


def training_file(session: Session, migration: ModelMigration, step: MigrationStep) -> str | None:
    """Return the id of a step's training file; None while a merged one is being made.

    Raises `Conflict` if it cannot be made, `QuotaExceeded` if there is no room for it.
    """
    if step.training_file is None:
        merged = order_merge(session, migration.team_id, step.training_files, f"merged-{step.position}.jsonl")
        step.training_file = merged.id
        mark_used(session, merged.id, used_by=migration.id)
    if len(step.training_files) == 1:
        return step.training_file
    file = session.get_one(File, step.training_file)
    if file.status == FileStatus.ERROR:
        raise Conflict(f"{file.id}, which merges its training data, is not valid: {file.status_details}")
    return file.id if file.status == FileStatus.PROCESSED else None

"""Plan, start and cancel migrations."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import clock, ids, work
from service.errors import Conflict
from service.files.actions import mark_used
from service.jobs import actions as jobs
from service.jobs.states import RequestedAction
from service.jobs.tables import Job
from service.model_migrations import ending
from service.model_migrations.moves import Asker, Move
from service.model_migrations.plan import MigrationPlan, plan_migration, require_ready
from service.model_migrations.queries import steps_of
from service.model_migrations.reserve import hold_rest
from service.model_migrations.schemas import MigrationCreate
from service.model_migrations.tables import OPEN, MigrationStatus, MigrationStep, ModelMigration, StepStatus
from service.models.actions import ADVANCE_MIGRATION


def create_migration(session: Session, asker: Asker) -> ModelMigration:
    """Store the plan of a migration. Spends nothing. Raises as `plan_migration` does."""
    plan = plan_migration(session, asker)
    migration = ModelMigration(
        id=ids.new_id("migr_"),
        team_id=asker.team_id,
        key_id=asker.key_id,
        request=asker.body.model_dump(mode="json"),
        plan=plan.wire.model_dump(mode="json"),
        fingerprint=plan.fingerprint,
        status=MigrationStatus.PLANNED,
        max_cost_usd=asker.body.max_cost_usd,
        created_at=clock.now(),
    )
    session.add(migration)
    session.flush()
    return migration


def plan_again(session: Session, migration: ModelMigration, key_id: str) -> MigrationPlan:
    """Plan a migration's request as of now."""
    body = MigrationCreate.model_validate(migration.request)
    return plan_migration(session, Asker(migration.team_id, key_id, body))


def start_migration(
    session: Session, migration: ModelMigration, plan: MigrationPlan, fingerprint: str, key_id: str
) -> None:
    """Start a locked migration whose plan is still the confirmed one, and hold its cost.

    Raises `Conflict` if the plan has changed or the migration has ended, `InvalidRequest` if the plan has a
    problem, `BudgetExceeded`.
    """
    if migration.status != MigrationStatus.PLANNED:
        raise Conflict(
            f"The migration {migration.id} is {migration.status}. Create a new one with "
            "POST /v1/model_migrations.",
            code="migration_not_planned",
        )
    if fingerprint != migration.fingerprint or plan.fingerprint != fingerprint:
        raise Conflict(
            "The plan would differ now: models, aliases, data or prices have changed since, or the "
            "fingerprint is of another plan. Plan again with POST /v1/model_migrations, and confirm that.",
            code="plan_changed",
        )
    require_ready(plan)
    migration.key_id = key_id
    migration.status = MigrationStatus.RUNNING
    migration.started_at = clock.now()
    position_of = {move.job_id: number for number, move in enumerate(plan.moves, start=1)}
    for move in plan.moves:
        if move.problem is None:
            parent = position_of[move.parent] if move.parent else None
            session.add(_step(migration, move, position_of[move.job_id], parent))
    session.flush()
    used = {file_id for step in steps_of(session, migration) for file_id in ending.files_of(step)}
    mark_used(session, *used, used_by=migration.id)
    hold_rest(session, migration)
    work.schedule(session, ADVANCE_MIGRATION, migration.id, team_id=migration.team_id)


def _step(migration: ModelMigration, move: Move, position: int, parent: int | None) -> MigrationStep:
    assert move.fitted is not None, "a move without a problem has a body"  # noqa: S101
    files = [one.living_id for one in move.datasets if one.living_id]  # a model used again needs none
    return MigrationStep(
        migration_id=migration.id,
        position=position,
        source_id=move.generation.model,
        source_job_id=move.job_id,
        provider=move.target.provider,
        base=move.target.model_id,
        body=move.fitted.body.model_dump(mode="json", exclude_none=True),
        starts_from=parent,
        checkpoint_step=move.generation.checkpoint_step if parent else None,
        training_files=files,
        training_file=files[0] if len(files) == 1 else None,
        prompts_file=move.comparison.file.id if move.comparison else None,
        training_usd=move.training_usd,
        comparison_usd=move.comparison_usd,
        status=StepStatus.WAITING,
        reason=move.not_compared,
        produced=move.reuses,
        switched=[],
    )


def cancel_migration(session: Session, migration: ModelMigration) -> None:
    """End a locked migration and request to cancel its jobs.

    A comparison that is running goes on to its end. Raises `Conflict` if the migration has ended.
    """
    if migration.status not in (MigrationStatus.PLANNED, MigrationStatus.RUNNING):
        raise Conflict(
            f"The migration {migration.id} is {migration.status}. You can cancel a migration while it is "
            "planned or running.",
            code="migration_ended",
        )
    open_steps = [step for step in steps_of(session, migration) if step.status in OPEN]
    for step in open_steps:
        step.status = StepStatus.CANCELLED
    # All jobs before the accounts: the order in which the steps of a job lock them.
    ids_ = [step.job_id for step in open_steps if step.job_id]
    for job in session.scalars(select(Job).where(Job.id.in_(ids_)).order_by(Job.id).with_for_update()).all():
        if not job.has_ended:
            jobs.request_action(session, job, RequestedAction.CANCEL)
    ending.end(session, migration, MigrationStatus.CANCELLED)

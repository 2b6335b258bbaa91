"""Read migrations and what they have cost."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.core.http.pages import Page, fetch_page
from service.errors import NotFound
from service.ledger.tables import Entry
from service.model_migrations.tables import MigrationStep, ModelMigration


def get_migration(session: Session, team_id: str, migration_id: str, *, lock: bool = False) -> ModelMigration:
    """Return the team's migration with this id. Raises `NotFound`."""
    own = select(ModelMigration).where(ModelMigration.team_id == team_id, ModelMigration.id == migration_id)
    found = session.scalar(own.with_for_update() if lock else own)
    if found is None:
        raise NotFound(f"There is no model migration {migration_id!r}.", param="migration_id")
    return found


def list_migrations(session: Session, team_id: str, *, after: str | None, limit: int) -> Page[ModelMigration]:
    """Return the team's migrations, newest first. Raises `NotFound` for an unknown cursor."""
    own = select(ModelMigration).where(ModelMigration.team_id == team_id)
    return fetch_page(
        session, own, sort=ModelMigration.created_at, id_=ModelMigration.id, after=after, limit=limit
    )


def steps_of(session: Session, migration: ModelMigration) -> Sequence[MigrationStep]:
    """Return a migration's steps in order."""
    own = select(MigrationStep).where(MigrationStep.migration_id == migration.id)
    return session.scalars(own.order_by(MigrationStep.position)).all()


def cost_so_far(session: Session, migration: ModelMigration, steps: Sequence[MigrationStep]) -> Decimal:
    """What the jobs and comparisons of a migration have been charged."""
    jobs = [step.job_id for step in steps if step.job_id]
    comparisons = [step.comparison_id for step in steps if step.comparison_id]
    if not (jobs or comparisons) or migration.started_at is None:
        return Decimal(0)
    own = (
        Entry.team_id == migration.team_id,
        Entry.occurred_at >= migration.started_at,
        or_(Entry.job_id.in_(jobs), Entry.tags["comparison"].astext.in_(comparisons)),
    )
    spent = select(func.coalesce(func.sum(Entry.amount_usd), 0)).where(*own)
    return Decimal(session.scalar(spent) or 0)

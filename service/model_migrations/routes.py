"""Routes for migrations of models: plan, confirm, follow, cancel."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession
from service.model_migrations import actions
from service.model_migrations.moves import Asker
from service.model_migrations.present import migration_out
from service.model_migrations.queries import get_migration, list_migrations
from service.model_migrations.schemas import MigrationCreate, MigrationOut, MigrationStart, PlannedMove
from service.model_migrations.tables import MigrationStatus
from service.teams.access import Caller, Reader, Trainer
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.scopes import Scope

router = APIRouter(prefix="/v1/model_migrations", tags=["models"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


@router.post("")
def create_migration(body: MigrationCreate, session: RequestSession, caller: Trainer) -> MigrationOut:
    """Plan to move models off a base, a provider or a date.

    Returns every model in lineage order with its new base, data, cost and risks, and what cannot move.
    Nothing is spent until you confirm the plan.
    """
    migration = actions.create_migration(session, Asker(caller.team, caller.account_id, body))
    return migration_out(session, migration)


@router.get("")
def list_model_migrations(
    session: RequestSession, caller: Reader, after: str | None = None, limit: Limit = 20
) -> ListOut[MigrationOut]:
    """List the team's migrations, newest first."""
    page = list_migrations(session, caller.team, after=after, limit=limit)
    return list_out([migration_out(session, one) for one in page.rows], page.has_more)


@router.get("/{migration_id}")
def retrieve_migration(migration_id: str, session: RequestSession, caller: Reader) -> MigrationOut:
    """Get a migration: its plan, and the progress of its steps."""
    return migration_out(session, get_migration(session, caller.team, migration_id))


@router.post("/{migration_id}/start")
def start_migration(
    migration_id: str, body: MigrationStart, session: RequestSession, caller: Trainer
) -> MigrationOut:
    """Confirm a plan by its fingerprint, and start it.

    A plan that would differ now is refused with 409. If models are compared, the key needs the scopes
    `infer` and `manage`, because aliases may be switched. Repeating the call changes nothing.
    """
    migration = get_migration(session, caller.team, migration_id, lock=True)
    if migration.status == MigrationStatus.RUNNING and migration.fingerprint == body.fingerprint:
        return migration_out(session, migration)
    plan = actions.plan_again(session, migration, caller.account_id)
    _require_scopes(caller, plan.wire.steps)
    actions.start_migration(session, migration, plan, body.fingerprint, caller.account_id)
    return migration_out(session, migration)


@router.post("/{migration_id}/cancel")
def cancel_migration(migration_id: str, session: RequestSession, caller: Trainer) -> MigrationOut:
    """Cancel a migration, and request that its jobs be cancelled. Models it has made are kept."""
    migration = get_migration(session, caller.team, migration_id, lock=True)
    actions.cancel_migration(session, migration)
    return migration_out(session, migration)


def _require_scopes(caller: Caller, steps: Sequence[PlannedMove]) -> None:
    if any(step.comparison for step in steps):
        caller.require_scope(Scope.INFER)
        caller.require_scope(Scope.MANAGE)

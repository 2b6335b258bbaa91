"""Read departments and the allocation of teams."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.ledger.departments.tables import Department, TeamAllocation
from service.teams.tables import Team


def get_department(session: Session, department_id: str) -> Department:
    """Return a department. Raises `NotFound` if it does not exist or is deleted."""
    found = session.get(Department, department_id)
    if found is None or found.deleted_at is not None:
        raise NotFound(
            f"There is no department {department_id!r}. GET /v1/departments lists them.",
            param="department_id",
        )
    return found


def teams_of(session: Session, department_id: str) -> Sequence[str]:
    """The ids of the teams that currently belong to a department."""
    own = select(Team.id).where(func.ledger_department(Team.id, func.clock_timestamp()) == department_id)
    return session.scalars(own.order_by(Team.id)).all()


def allocations_of(session: Session, team_id: str) -> Sequence[TeamAllocation]:
    """A team's allocations, latest first."""
    own = select(TeamAllocation).where(TeamAllocation.team_id == team_id)
    return session.scalars(own.order_by(TeamAllocation.effective_from.desc())).all()

"""Create and delete departments, and allocate teams to them."""

from datetime import datetime

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import Conflict, InvalidRequest
from service.ledger.departments.queries import get_department, teams_of
from service.ledger.departments.tables import Department, TeamAllocation
from service.ledger.tables import LedgerAccount

_MONTH = text("SELECT ledger_month(clock_timestamp())")


def create_department(session: Session, name: str) -> Department:
    """Create a department with its account, without a limit or teams."""
    department = Department(id=ids.new_id("dept_"), name=name, created_at=clock.now())
    month = session.scalars(_MONTH).one()
    session.add_all([department, LedgerAccount(id=department.id, scope="department", month=month)])
    session.flush()
    return department


def delete_department(session: Session, department: Department) -> None:
    """Delete a department; its costs stay in reports. Raises `Conflict` while teams belong to it."""
    if teams := teams_of(session, department.id):
        raise Conflict(
            f"Department {department.id} still has {len(teams)} teams, such as {teams[0]}. Move them to "
            "another department first: POST /v1/teams/{team_id}/allocations.",
            code="department_not_empty",
        )
    department.deleted_at = clock.now()


def allocate(
    session: Session,
    team_id: str,
    *,
    department_id: str | None,
    cost_center: str | None,
    effective_from: datetime | None = None,
) -> TeamAllocation:
    """Allocate a team to a department and cost center from `effective_from` on, by default from now on.

    Earlier charges keep theirs. Raises `InvalidRequest` if `effective_from` is in the past, and `NotFound`
    for an unknown department.
    """
    if department_id is not None:
        get_department(session, department_id)
    if effective_from is not None and effective_from < clock.now():
        raise InvalidRequest(
            "'effective_from' must not be in the past, because past charges keep their department. To move "
            "past costs, book adjustments: POST /v1/costs/adjustments.",
            param="effective_from",
        )
    values = {"department_id": department_id, "cost_center": cost_center, "created_at": clock.now()}
    row = insert(TeamAllocation).values(
        team_id=team_id, effective_from=effective_from or func.clock_timestamp(), **values
    )
    made = row.on_conflict_do_update(index_elements=["team_id", "effective_from"], set_=values)
    return session.scalars(
        made.returning(TeamAllocation), execution_options={"populate_existing": True}
    ).one()

"""Make and delete departments, and say which team belongs where."""

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
    """A new department with an account of its own, and without a limit or teams."""
    department = Department(id=ids.new_id("dept_"), name=name, created_at=clock.now())
    month = session.scalars(_MONTH).one()
    session.add_all([department, LedgerAccount(id=department.id, scope="department", month=month)])
    session.flush()
    return department


def delete_department(session: Session, department: Department) -> None:
    """Delete a department; its costs stay in reports. Raises `Conflict` while teams belong to it."""
    if teams := teams_of(session, department.id):
        raise Conflict(
            f"{len(teams)} teams belong to {department.id}, such as {teams[0]}. Move them first: "
            "POST /v1/teams/{team_id}/allocations.",
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
    """Put a team into a department and cost center from a moment on, now unless given.

    What was charged before keeps its own. Raises `InvalidRequest` for a moment in the past, `NotFound` for an
    unknown department.
    """
    if department_id is not None:
        get_department(session, department_id)
    if effective_from is not None and effective_from < clock.now():
        raise InvalidRequest(
            "'effective_from' must not be in the past: entries carry the department they were charged to. "
            "Use an adjustment to move past costs.",
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

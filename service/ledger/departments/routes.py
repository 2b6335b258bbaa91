"""Routes for departments, their budgets, and the teams allocated to them."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.clock import from_unix
from service.core.http.pages import ListOut, fetch_page, list_out
from service.core.http.web import RequestSession
from service.ledger.budgets.actions import set_budget
from service.ledger.budgets.schemas import BudgetIn
from service.ledger.departments.actions import allocate, create_department, delete_department
from service.ledger.departments.queries import allocations_of, get_department, teams_of
from service.ledger.departments.schemas import (
    AllocationIn,
    AllocationOut,
    AllocationsOut,
    DepartmentDeleted,
    DepartmentIn,
    DepartmentOut,
    allocation_out,
    department_out,
)
from service.ledger.departments.tables import Department
from service.ledger.queries import standing
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute
from service.teams.queries import get_team

router = APIRouter(prefix="/v1", tags=["money"], route_class=IdempotentRoute)


@router.post("/departments")
def create(body: DepartmentIn, session: RequestSession, _: Admin) -> DepartmentOut:
    """Create a department. To add a team, create an allocation."""
    return _out(session, create_department(session, body.name))


@router.get("/departments")
def list_departments(
    session: RequestSession,
    _: Admin,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ListOut[DepartmentOut]:
    """List departments with their teams and budgets, newest first."""
    rows = select(Department).where(Department.deleted_at.is_(None))
    page = fetch_page(
        session,
        rows,
        sort=Department.created_at,
        id_=Department.id,
        after=after,
        limit=limit,
        cursors=select(Department),
    )
    return list_out([_out(session, row) for row in page.rows], page.has_more)


@router.get("/departments/{department_id}")
def retrieve_department(department_id: str, session: RequestSession, _: Admin) -> DepartmentOut:
    """Get a department with its teams and budget."""
    return _out(session, get_department(session, department_id))


@router.post("/departments/{department_id}")
def rename_department(
    department_id: str, body: DepartmentIn, session: RequestSession, _: Admin
) -> DepartmentOut:
    """Rename a department."""
    department = get_department(session, department_id)
    department.name = body.name
    return _out(session, department)


@router.delete("/departments/{department_id}")
def remove_department(department_id: str, session: RequestSession, _: Admin) -> DepartmentDeleted:
    """Delete a department that has no teams. Its costs stay in reports."""
    delete_department(session, get_department(session, department_id))
    return DepartmentDeleted(id=department_id)


@router.put("/departments/{department_id}/budget")
def set_department_budget(
    department_id: str, body: BudgetIn, session: RequestSession, _: Admin
) -> DepartmentOut:
    """Limit what all teams of a department spend together. Each team's own budget applies too."""
    department = get_department(session, department_id)
    set_budget(session, department.id, scope="department", **body.model_dump())
    return _out(session, department)


@router.post("/teams/{team_id}/allocations")
def create_allocation(team_id: str, body: AllocationIn, session: RequestSession, _: Admin) -> AllocationOut:
    """Allocate a team to a department and cost center, from now or from `effective_from` on."""
    made = allocate(
        session,
        get_team(session, team_id).id,
        department_id=body.department_id,
        cost_center=body.cost_center,
        effective_from=None if body.effective_from is None else from_unix(body.effective_from),
    )
    return allocation_out(made)


@router.get("/teams/{team_id}/allocations")
def list_allocations(team_id: str, session: RequestSession, _: Admin) -> AllocationsOut:
    """List a team's departments and cost centers, latest first."""
    rows = allocations_of(session, get_team(session, team_id).id)
    return AllocationsOut(data=[allocation_out(row) for row in rows])


def _out(session: Session, department: Department) -> DepartmentOut:
    team_ids = list(teams_of(session, department.id))
    return department_out(department, team_ids, standing(session, department.id))

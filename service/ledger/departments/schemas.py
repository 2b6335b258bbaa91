"""Departments and allocations on the wire."""

from typing import Literal

from service.core.clock import unix
from service.core.http.wire import Name, WireIn, WireOut
from service.ledger.budgets.schemas import BudgetFigures, figures
from service.ledger.charges import BudgetView
from service.ledger.departments.tables import Department, TeamAllocation
from service.ledger.fields import Moment


class DepartmentIn(WireIn):
    """A department's name."""

    name: Name


class DepartmentOut(WireOut):
    """A department and the teams that currently belong to it."""

    object: Literal["department"] = "department"
    id: str
    name: str
    team_ids: list[str]
    budget: "DepartmentBudgetOut"
    created_at: int


class DepartmentBudgetOut(BudgetFigures):
    """What a department's teams have spent and reserved."""


class DepartmentDeleted(WireOut):
    """The answer to a deletion."""

    object: Literal["department.deleted"] = "department.deleted"
    id: str
    deleted: Literal[True] = True


class AllocationIn(WireIn):
    """A team's department and cost center from `effective_from` on, by default from now on; null for none."""

    department_id: Name | None = None
    cost_center: Name | None = None
    effective_from: Moment | None = None


class AllocationOut(WireOut):
    """A team's department and cost center from `effective_from` on."""

    object: Literal["team.allocation"] = "team.allocation"
    team_id: str
    department_id: str | None
    cost_center: str | None
    effective_from: int


class AllocationsOut(WireOut):
    """A team's allocations, latest first."""

    object: Literal["list"] = "list"
    data: list[AllocationOut]
    has_more: Literal[False] = False


def department_out(department: Department, team_ids: list[str], view: BudgetView) -> DepartmentOut:
    """The wire form of a department."""
    return DepartmentOut(
        id=department.id,
        name=department.name,
        team_ids=team_ids,
        created_at=unix(department.created_at),
        budget=DepartmentBudgetOut(**figures(view)),
    )


def allocation_out(row: TeamAllocation) -> AllocationOut:
    """The wire form of an allocation."""
    return AllocationOut(
        team_id=row.team_id,
        department_id=row.department_id,
        cost_center=row.cost_center,
        effective_from=unix(row.effective_from),
    )

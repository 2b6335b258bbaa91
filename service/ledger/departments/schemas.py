"""Departments and allocations on the wire."""

from typing import Literal

from service.core.clock import unix
from service.core.http.wire import Name, WireIn, WireOut
from service.ledger.budgets.schemas import BudgetFigures, figures
from service.ledger.charges import BudgetView
from service.ledger.departments.tables import Department, TeamAllocation
from service.ledger.fields import Moment


class DepartmentIn(WireIn):
    """A department to create or rename."""

    name: Name
    """Its name, up to 200 characters."""


class DepartmentOut(WireOut):
    """A department."""

    object: Literal["department"] = "department"
    id: str
    name: str
    """Its name."""
    team_ids: list[str]
    """The ids of the teams that currently belong to it."""
    budget: "DepartmentBudgetOut"
    """Its budget and what its teams have spent and hold."""
    created_at: int


class DepartmentBudgetOut(BudgetFigures):
    """What a department's teams have spent and reserved."""


class DepartmentDeleted(WireOut):
    """The answer to a deletion."""

    object: Literal["department.deleted"] = "department.deleted"
    id: str
    deleted: Literal[True] = True


class AllocationIn(WireIn):
    """Where a team's costs go from a moment on."""

    department_id: Name | None = None
    """The id of the department; null for none."""
    cost_center: Name | None = None
    """The cost center, as finance names it; null for none."""
    effective_from: Moment | None = None
    """From when it counts, in unix seconds; null means from now on."""


class AllocationOut(WireOut):
    """Where a team's costs go from a moment on."""

    object: Literal["team.allocation"] = "team.allocation"
    team_id: str
    department_id: str | None
    """The id of the department; null for none."""
    cost_center: str | None
    """The cost center; null for none."""
    effective_from: int
    """From when it counts, in unix seconds."""


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

"""Departments and allocations on the wire."""

from typing import Literal

from service.core.clock import unix
from service.core.wire import Name, WireIn, WireOut
from service.ledger.charges import BudgetView
from service.ledger.departments.tables import Department, TeamAllocation
from service.ledger.fields import Moment
from service.ledger.money import usd


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


class DepartmentBudgetOut(WireOut):
    """What a department's teams have spent and reserved. Without a limit, `remaining_usd` is null."""

    limit_usd: str | None
    period: str
    period_name: str
    spent_usd: str
    held_usd: str
    remaining_usd: str | None
    thresholds: list[int]


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
    left = view.remaining_usd
    return DepartmentOut(
        id=department.id,
        name=department.name,
        team_ids=team_ids,
        created_at=unix(department.created_at),
        budget=DepartmentBudgetOut(
            limit_usd=None if view.limit_usd is None else usd(view.limit_usd),
            period=view.period,
            period_name=view.period_name,
            spent_usd=usd(view.spent_usd),
            held_usd=usd(view.held_usd),
            remaining_usd=None if left is None else usd(left),
            thresholds=list(view.thresholds),
        ),
    )


def allocation_out(row: TeamAllocation) -> AllocationOut:
    """The wire form of an allocation."""
    return AllocationOut(
        team_id=row.team_id,
        department_id=row.department_id,
        cost_center=row.cost_center,
        effective_from=unix(row.effective_from),
    )

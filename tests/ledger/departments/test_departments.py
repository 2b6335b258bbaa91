"""Departments: a budget above those of the teams, and entries that store their team's department."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from service.core import clock
from service.core.db import transaction
from service.errors import BudgetExceeded, Conflict, InvalidRequest
from service.events.tables import Event
from service.events.types import EventType
from service.ledger.actions import place_hold, place_holds, release_hold, settle
from service.ledger.audit import begin, findings
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Hold, HoldAsk
from service.ledger.departments.actions import allocate, create_department, delete_department
from service.ledger.departments.queries import get_department
from service.ledger.queries import standing
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.rollups.sums import roll_up
from service.ledger.tables import Entry
from tests.ledger.make import charge, team
from tests.support.service import Service

CENT = Decimal("0.01")


def wrong() -> list[str]:
    with transaction() as session:
        begin(session)
        return [str(one) for one in findings(session) if "the price it names" not in one.check]


@pytest.mark.usefixtures("database")
def test_the_budget_of_a_department_bounds_its_teams_together() -> None:
    with transaction() as session:
        department = create_department(session, "Research").id
        one, two, other = team(session, limit_usd="10"), team(session), team(session)
        set_budget(session, department, limit_usd=Decimal(1), scope="department")
        for member in (one, two):
            allocate(session, member, department_id=department, cost_center="cc-1")
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.90"))
        with pytest.raises(BudgetExceeded, match=f"budget of department {department}"):
            place_hold(session, team_id=two, subject_id="b", amount_usd=Decimal("0.20"))
        place_hold(session, team_id=other, subject_id="c", amount_usd=Decimal("0.20"))
        settle(session, team_id=one, subject_id="a", charges=[charge("a")])
        place_hold(session, team_id=two, subject_id="b", amount_usd=Decimal("0.20"))
        view = standing(session, department)
        assert (view.spent_usd, view.held_usd) == (Decimal("0.1"), Decimal("0.2"))
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_teams_that_hold_at_the_same_time_never_exceed_their_department() -> None:
    with transaction() as session:
        department = create_department(session, "Research").id
        set_budget(session, department, limit_usd=Decimal("0.50"), scope="department")
        teams = [team(session) for _ in range(4)]
        for member in teams:
            allocate(session, member, department_id=department, cost_center=None)
    placed: list[Hold | BudgetExceeded] = []

    def ask(member: str) -> None:
        for number in range(10):
            with transaction() as session:
                asks = [HoldAsk(member, f"{member}-{number}-{part}", CENT) for part in range(2)]
                placed.extend(place_holds(session, asks))

    threads = [threading.Thread(target=ask, args=(member,)) for member in teams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, Hold) for one in placed) == 50
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_a_hold_stays_with_the_department_it_was_placed_in() -> None:
    with transaction() as session:
        first, second = create_department(session, "A").id, create_department(session, "B").id
        one = team(session)
        place_hold(session, team_id=one, subject_id="before", amount_usd=CENT)
        allocate(session, one, department_id=first, cost_center=None)
        place_hold(session, team_id=one, subject_id="a", amount_usd=CENT)
        allocate(session, one, department_id=second, cost_center=None)
        place_hold(session, team_id=one, subject_id="a", amount_usd=3 * CENT)
        place_hold(session, team_id=one, subject_id="before", amount_usd=3 * CENT)
        held = [standing(session, each).held_usd for each in (first, second)]
        assert held == [3 * CENT, 0]
    assert wrong() == []
    with transaction() as session:
        release_hold(session, team_id=one, subject_id="a")
        settle(session, team_id=one, subject_id="before", charges=[charge("x")])
        spent = [standing(session, each).spent_usd for each in (first, second)]
        assert spent == [0, Decimal("0.1")]
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_rows_carry_the_allocation_of_their_moment_and_reports_group_by_it() -> None:
    with transaction() as session:
        department = create_department(session, "Research").id
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a", 10_000)])
        allocate(session, one, department_id=department, cost_center="cc-1")
        settle(session, team_id=one, subject_id="b", charges=[charge("b", 20_000)])
        allocate(session, one, department_id=department, cost_center="cc-2")
        settle(session, team_id=one, subject_id="c", charges=[charge("c", 30_000)])
        rows = session.execute(select(Entry.department_id, Entry.cost_center).order_by(Entry.number)).all()
        assert [tuple(row) for row in rows] == [(None, None), (department, "cc-1"), (department, "cc-2")]
        before = cost_report(session, CostScope(one), ["department", "cost_center"])
        roll_up(session)
        after = cost_report(session, CostScope(one), ["department", "cost_center"])
        found = {row["cost_center"]: row["amount_usd"] for row in after.rows}
        assert before == after
        assert found == {None: Decimal("0.1"), "cc-1": Decimal("0.2"), "cc-2": Decimal("0.3")}
        past = clock.now() - timedelta(days=1)
        with pytest.raises(InvalidRequest):
            allocate(session, one, department_id=None, cost_center=None, effective_from=past)
        with pytest.raises(Conflict):
            delete_department(session, get_department(session, department))
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_a_departments_threshold_is_announced_to_the_organization_and_to_each_of_its_teams() -> None:
    with transaction() as session:
        department = create_department(session, "Research").id
        teams = [team(session), team(session)]
        for member in teams:
            allocate(session, member, department_id=department, cost_center=None)
        set_budget(session, department, limit_usd=Decimal("0.15"), thresholds=[50], scope="department")
        settle(session, team_id=teams[0], subject_id="a", charges=[charge("a")])
        told = session.scalars(
            select(Event).where(Event.type == EventType.BUDGET_THRESHOLD).order_by(Event.position)
        ).all()
        assert {event.subject_id for event in told} == {department}
        assert [event.team_id for event in told] == [None, *sorted(teams)]
        assert [event.data.get("copy") for event in told] == [None, True, True]


def test_departments_are_managed_over_http_by_admins_alone(service: Service) -> None:
    one = service.make_team()
    made = service.admin.post("/v1/departments", json={"name": "Research"}).json()
    path = f"/v1/departments/{made['id']}"
    allocation = {"department_id": made["id"], "cost_center": "cc-7"}
    assert service.admin.post(f"/v1/teams/{one.id}/allocations", json=allocation).status_code == 200
    body = {"limit_usd": "5", "period": "total"}
    limited = service.admin.put(f"{path}/budget", json=body).json()
    assert (limited["budget"]["limit_usd"], limited["team_ids"]) == ("5.00", [one.id])
    assert service.admin.post(path, json={"name": "Science"}).json()["name"] == "Science"
    assert made["id"] in [row["id"] for row in service.admin.get("/v1/departments").json()["data"]]
    assert service.admin.delete(path).json()["error"]["code"] == "department_not_empty"
    listed = service.admin.get(f"/v1/teams/{one.id}/allocations").json()["data"]
    assert [row["cost_center"] for row in listed] == ["cc-7"]
    assert service.admin.post(f"/v1/teams/{one.id}/allocations", json={}).status_code == 200
    assert service.admin.delete(path).json()["deleted"] is True
    assert service.admin.get(path).status_code == 404
    assert one.http.get("/v1/departments").status_code == 403

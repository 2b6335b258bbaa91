"""The organization's budget: above those of departments, teams, keys and jobs."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.errors import BudgetExceeded
from service.events.tables import Event
from service.ledger.actions import place_hold, place_holds, settle
from service.ledger.audit import begin, findings
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Hold, HoldAsk
from service.ledger.queries import organization_view
from service.ledger.tables import ORGANIZATION, LedgerAccount
from tests.ledger.make import charge, team
from tests.support.service import Service

CENT = Decimal("0.01")


def limit(usd: str, **more: list[int]) -> None:
    with transaction() as session:
        set_budget(session, ORGANIZATION, limit_usd=Decimal(usd), scope="organization", **more)


def counters() -> tuple[Decimal, Decimal]:
    with transaction() as session:
        view = organization_view(session)
        return view.spent_usd, view.held_usd


def wrong() -> list[str]:
    with transaction() as session:
        begin(session)
        return [str(one) for one in findings(session) if "the price it names" not in one.check]


@pytest.mark.usefixtures("database")
def test_the_organizations_budget_bounds_all_teams_together_and_counts_what_came_before_it() -> None:
    with transaction() as session:
        one, two = team(session, limit_usd="10"), team(session)
        settle(session, team_id=one, subject_id="", charges=[charge("before")])
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.20"))
    assert counters() == (Decimal("0.1"), Decimal("0.2"))
    with transaction() as session:
        assert session.get(LedgerAccount, ORGANIZATION) is None
    limit("0.50")
    assert counters() == (Decimal("0.1"), Decimal("0.2"))
    with transaction() as session:
        with pytest.raises(BudgetExceeded, match="budget of the organization"):
            place_hold(session, team_id=two, subject_id="b", amount_usd=Decimal("0.21"))
        place_hold(session, team_id=two, subject_id="b", amount_usd=Decimal("0.20"))
        settle(session, team_id=two, subject_id="b", charges=[charge("b")])
        place_hold(session, team_id=two, subject_id="c", amount_usd=Decimal("0.10"))
    assert counters() == (Decimal("0.2"), Decimal("0.3"))
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_teams_that_hold_while_the_organization_gets_its_budget_never_exceed_it() -> None:
    with transaction() as session:
        teams = [team(session) for _ in range(4)]
    placed: list[Hold | BudgetExceeded] = []

    def ask(member: str) -> None:
        for number in range(15):
            with transaction() as session:
                placed.extend(place_holds(session, [HoldAsk(member, f"{member}-{number}", CENT)]))
            with transaction() as session:
                settle(session, team_id=member, subject_id=f"{member}-settled", charges=[])

    threads = [threading.Thread(target=ask, args=(member,)) for member in teams]
    for thread in threads:
        thread.start()
    limit("0.30")
    for thread in threads:
        thread.join()
    held = sum(isinstance(one, Hold) for one in placed)
    assert counters() == (0, CENT * held)
    # Those placed before the limit was set stay.
    assert held >= 30
    with transaction() as session:
        refused = place_holds(session, [HoldAsk(teams[0], "more", CENT)])
    assert isinstance(refused[0], BudgetExceeded)
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_the_organizations_threshold_is_an_event_without_a_team() -> None:
    limit("1", thresholds=[10])
    with transaction() as session:
        settle(session, team_id=team(session), subject_id="", charges=[charge("a")])
        (event,) = session.scalars(select(Event)).all()
    assert (event.team_id, event.subject_id, event.data["scope"]) == (None, ORGANIZATION, "organization")


def test_the_organizations_budget_is_set_and_read_by_admins_alone(service: Service) -> None:
    one = service.make_team()
    body = {"limit_usd": "1000", "held_thresholds": [80], "forecast_thresholds": [120]}
    made = service.admin.put("/v1/organization/budget", json=body)
    assert made.status_code == 200, made.text
    got = service.admin.get("/v1/organization/budget").json()
    assert (got["limit_usd"], got["held_thresholds"], got["forecast_thresholds"]) == ("1000.00", [80], [120])
    assert got["forecast"]["period_end_usd"] is not None
    assert one.http.get("/v1/organization/budget").status_code == 403
    service.admin.put("/v1/organization/budget", json={"limit_usd": None})

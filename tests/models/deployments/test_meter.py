"""Deployments are made once, held an hour ahead, and charged once for each hour."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from service.catalog.prices import NewPrice, add_price, price_by_id
from service.core import clock
from service.core.db import transaction
from service.errors import BudgetExceeded, NotFound
from service.gateway.targets import priced
from service.ledger.budgets.actions import set_budget
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.tables import ORGANIZATION
from service.models.deployments.actions import Guard
from service.models.deployments.schemas import deployment_state_out
from service.models.deployments.tables import Deployment
from tests.fakes.fireworks import FireworksFake
from tests.jobs import hands
from tests.models import hosting
from tests.models.hosting import PER_HOUR, ready

HOUR = timedelta(hours=1)
UNDEPLOY = Guard(idle_after_hours=2, on_idle="undeploy", on_budget_end="undeploy", wake_on_request=True)


def test_a_model_is_deployed_and_answers_under_the_provider_s_name_for_it(fireworks: FireworksFake) -> None:
    team, model, _ = ready(fireworks)
    with transaction() as session:
        name = priced(session, team, model).target.provider_model
    assert "#accounts/acme/deployments/tunehouse-" in name
    assert hosting.held(team) == PER_HOUR
    assert "model.deployed" in hosting.events(model)


@pytest.mark.parametrize("path", ["/deployments$", "/deployedModels$"])
@pytest.mark.parametrize("before", [True, False])
def test_a_lost_answer_leaves_one_machine_there(fireworks: FireworksFake, path: str, before: bool) -> None:
    fireworks.lose("POST", path, before=before)
    ready(fireworks)
    assert len(fireworks.machines) == len(fireworks.loaded) == 1


def test_each_hour_is_charged_once_however_often_the_step_is_repeated(fireworks: FireworksFake) -> None:
    team, _, deployment = ready(fireworks)
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    before = hosting.look(deployment).metered_until
    hosting.step(deployment)
    with transaction() as session:  # as after a kill before the commit: the meter stands where it stood
        session.execute(update(Deployment).values(metered_until=before))
    hosting.step(deployment)
    assert [entry.quantity for entry in hosting.hosting(team)] == [1, 1, 1]
    assert hosting.paid(team) == 3 * PER_HOUR


def test_the_team_pays_what_the_vendor_bills_to_the_second(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks)
    hosting.let_pass(fireworks.age, deployment, timedelta(hours=2, minutes=20))
    hosting.step(deployment)
    hosting.take_back(model)
    hosting.until(deployment, "ended")
    # The vendor's clock stops while it answers us, ours after it.
    assert abs(hosting.paid(team) - fireworks.hosting_bill_usd()) <= 5 * PER_HOUR / 3600
    assert hosting.held(team) == 0
    assert fireworks.living_deployments() == []


def test_hours_of_a_worker_s_outage_are_charged_and_marked_as_used_or_idle(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks)
    hosting.let_pass(fireworks.age, deployment, timedelta(hours=5))
    started = hosting.look(deployment).started_at
    assert started is not None
    hosting.use(team, model, started + 2.5 * HOUR)
    hosting.step(deployment)
    marks = [entry.tags["tunehouse_hosting"] for entry in hosting.hosting(team)]
    assert marks == ["idle", "idle", "used", "idle", "idle"]
    assert {entry.state for entry in hosting.hosting(team)} == {None}  # the budget covers them
    with transaction() as session:
        assert cost_report(session, CostScope(team), ["kind"]).idle_usd == 4 * PER_HOUR


def test_each_hour_is_charged_at_the_price_in_force_when_it_began(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks)
    hosting.let_pass(fireworks.age, deployment, 2 * HOUR)
    with transaction() as session:  # of a base of its own: prices stay for the tests after this one
        known = price_by_id(session, str(hosting.look(deployment).price_id))
        terms = vars(known) | {"model": "ft:repriced", "source": "https://example.com/prices"}
        del terms["id"], terms["is_confirmed"]
        old = add_price(session, NewPrice(**terms))
        now = {"amount_usd": Decimal(10), "effective_from": clock.now() - 1.5 * HOUR}
        add_price(session, NewPrice(**terms | now))
        session.get_one(Deployment, deployment).price_id = old.id
    hosting.step(deployment)
    assert [entry.amount_usd for entry in hosting.hosting(team)] == [8, 10]
    assert hosting.held(team) == 10
    with transaction() as session:
        assert deployment_state_out(session, hosting.latest(model)).usd_per_hour == "10.00"


def test_an_hour_that_the_provider_cannot_confirm_is_uncertain(fireworks: FireworksFake) -> None:
    team, _, deployment = ready(fireworks)
    hosting.let_pass(fireworks.age, deployment, timedelta(hours=2, minutes=20))
    fireworks.fail("GET", "/deployments/", 503, before=True)
    hosting.step(deployment)
    assert [entry.state for entry in hosting.hosting(team)] == ["uncertain", "uncertain"]


def test_a_machine_that_somebody_else_deleted_is_charged_as_uncertain_since_it_was_seen(
    fireworks: FireworksFake,
) -> None:
    team, model, deployment = ready(fireworks)
    hosting.let_pass(fireworks.age, deployment, timedelta(minutes=30))
    for machine in fireworks.machines.values():
        machine["ended"] = datetime.now(UTC)
    hosting.step(deployment)
    assert hosting.look(deployment).state == "ended"
    assert [entry.state for entry in hosting.hosting(team)] == ["uncertain"]
    with pytest.raises(NotFound), transaction() as session:
        priced(session, team, model)


def test_a_deployment_needs_a_budget_for_its_first_hour(fireworks: FireworksFake) -> None:
    team = hands.make_team("7.99")
    model = hosting.make_model(fireworks, team)
    with pytest.raises(BudgetExceeded):
        hosting.order(team, model)
    assert fireworks.requests("POST", "/deployments$") == []


@pytest.mark.parametrize("scope", ["team", "organization"])
def test_the_end_of_a_budget_is_told_and_the_model_undeployed(fireworks: FireworksFake, scope: str) -> None:
    team, model, deployment = ready(fireworks, UNDEPLOY)
    with transaction() as session:
        if scope == "team":
            set_budget(session, team, limit_usd=Decimal(10), period="total")
        else:
            set_budget(session, ORGANIZATION, limit_usd=Decimal(10), period="total", scope="organization")
    hosting.let_pass(fireworks.age, deployment, timedelta(minutes=50))
    hosting.use(team, model, clock.now())
    hosting.step(deployment)
    hosting.until(deployment, "ended")
    assert hosting.paid(team) < PER_HOUR
    assert fireworks.living_deployments() == []
    assert "model.deployment_unfunded" in hosting.events(model)


def test_a_model_that_stays_deployed_without_a_budget_is_flagged(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks, budget_usd="8")
    for _ in range(2):
        hosting.let_pass(fireworks.age, deployment, HOUR)
        hosting.step(deployment)
    assert [entry.state for entry in hosting.hosting(team)] == [None, "above_budget"]
    assert hosting.events(model).count("model.deployment_unfunded") == 1
    assert hosting.look(deployment).state == "ready"

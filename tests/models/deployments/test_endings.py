"""Deployments that nobody uses, that are taken back, or whose model or team goes."""

import json
import os
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from service.comparisons.routes import create_comparison
from service.comparisons.schemas import ComparisonCreate, Grader
from service.core import clock
from service.core.db import transaction
from service.errors import BudgetExceeded, Conflict, InvalidRequest, NotFound, Unavailable
from service.events.tables import Event
from service.gateway.targets import _look_up
from service.ledger.budgets.actions import set_budget
from service.model_migrations import comparing
from service.model_migrations.tables import MigrationStep, ModelMigration
from service.models.actions import delete_model
from service.models.deployments.actions import ADVANCE_DEPLOYMENT, Guard, deploy, set_deployment
from service.models.deployments.checks import check_deployable
from service.models.deployments.queries import Asleep, lock_any_model
from service.models.deployments.tables import Deployment
from service.models.deployments.upkeep import end_shut_down, revive_deployments, undeploy_archived
from service.models.tables import TunedModel
from service.settings import settings
from service.teams.access import Caller
from service.teams.actions import LeftJobs, archive_team
from service.teams.queries import get_team
from tests.fakes.fireworks import FireworksFake
from tests.jobs import hands
from tests.models import hosting
from tests.models.hosting import PER_HOUR, ready
from tests.support.clean import work_left
from worker.run import run_step

HOUR = timedelta(hours=1)
UNDEPLOY = Guard(idle_after_hours=2, on_idle="undeploy", on_budget_end="undeploy", wake_on_request=True)


def test_an_idle_model_is_told_once_and_stays_if_the_team_said_nothing(fireworks: FireworksFake) -> None:
    _, model, deployment = ready(fireworks, Guard(idle_after_hours=2))
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.step(deployment)
    hosting.step(deployment)
    assert hosting.events(model).count("model.deployment_idle") == 1
    assert hosting.look(deployment).state == "ready"


def test_an_idle_model_that_is_hosted_free_of_charge_is_not_said_to_cost(fireworks: FireworksFake) -> None:
    _, model, deployment = ready(fireworks, Guard(idle_after_hours=2))
    with transaction() as session:
        session.get_one(Deployment, deployment).price_id = None
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.step(deployment)
    idle = select(Event.message).where(Event.subject_id == model, Event.type == "model.deployment_idle")
    with transaction() as session:
        assert str(session.scalar(idle)).endswith("It stays deployed, free of charge.")


def test_a_request_keeps_the_idle_guard_away(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks, UNDEPLOY)
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.use(team, model, clock.now() - timedelta(minutes=30))
    hosting.step(deployment)
    assert "model.deployment_idle" not in hosting.events(model)
    assert hosting.look(deployment).state == "ready"


def test_an_idle_model_sleeps_and_the_next_request_wakes_it(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks, UNDEPLOY)
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.until(deployment, "asleep")
    assert fireworks.living_deployments() == []
    assert hosting.held(team) == 0
    with pytest.raises(Asleep) as refused:
        _look_up(team, model)
    assert refused.value.headers()["retry-after"] == "60"
    with pytest.raises(Unavailable, match="being deployed"):
        _look_up(team, model)
    hosting.until(deployment, "ready")
    assert _look_up(team, model).target.model_id == model
    assert len(fireworks.living_deployments()) == 1


def test_a_sleeping_model_wakes_only_within_the_budget(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks, UNDEPLOY)
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.until(deployment, "asleep")
    with transaction() as session:
        set_budget(session, team, limit_usd=Decimal(1), period="total")
    with pytest.raises(BudgetExceeded):
        _look_up(team, model)
    assert hosting.look(deployment).state == "asleep"


def test_a_comparison_wakes_a_model_that_sleeps(fireworks: FireworksFake) -> None:
    team, model, deployment = ready(fireworks, UNDEPLOY)
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.until(deployment, "asleep")
    other = hosting.make_model(fireworks, team)
    body = ComparisonCreate(models=[model, other], file_id=hands.make_file(team), grader=Grader.EXACT_MATCH)
    caller = Caller(hands.KEY, team, frozenset({"inference"}))
    with pytest.raises(Asleep), transaction() as session:
        create_comparison(body, session, caller)
    assert hosting.look(deployment).state == "deploying"
    assert hosting.held(team) == PER_HOUR


@pytest.mark.parametrize(("budget_usd", "state"), [(1000, "deploying"), (1, "asleep")])
def test_a_migration_wakes_a_model_that_it_compares_within_the_budget(
    fireworks: FireworksFake, monkeypatch: pytest.MonkeyPatch, budget_usd: int, state: str
) -> None:
    team, model, deployment = ready(fireworks, UNDEPLOY)
    hosting.let_pass(fireworks.age, deployment, 3 * HOUR)
    hosting.until(deployment, "asleep")
    with transaction() as session:
        set_budget(session, team, limit_usd=Decimal(budget_usd), period="total")
    monkeypatch.setattr("service.model_migrations.reserve.most_for", lambda *_: None)
    monkeypatch.setattr("service.model_migrations.reserve.hold_rest", lambda *_, **__: None)
    request = {"models": [model], "to": "cheapest", "accept": {"grader": "exact_match"}}
    migration = ModelMigration(id="mig_of_hands", team_id=team, key_id=hands.KEY, request=request)
    step = MigrationStep(source_id=model, produced=hosting.make_model(fireworks, team))
    step.prompts_file = hands.make_file(team)
    with transaction() as session:
        comparing.compare(session, migration, step)
    assert str(step.reason).startswith("Waits to compare: ")
    assert hosting.look(deployment).state == state


def test_a_deleted_model_is_undeployed_before_it_is_deleted_there(fireworks: FireworksFake) -> None:
    _, model, _ = ready(fireworks)
    there = len(fireworks.models)
    with transaction() as session:
        delete_model(session, lock_any_model(session, model))
    hands.run_due()
    assert fireworks.living_deployments() == []
    assert len(fireworks.models) == there - 1
    assert work_left() == []


def test_an_archived_team_s_model_is_undeployed(fireworks: FireworksFake) -> None:
    team, _, deployment = ready(fireworks)
    with transaction() as session:
        archive_team(session, get_team(session, team), LeftJobs.FINISH)
    with transaction() as session:
        assert undeploy_archived(session, 10) == 1
    hosting.until(deployment, "ended")
    assert fireworks.living_deployments() == []


def test_a_model_that_has_shut_down_is_undeployed(fireworks: FireworksFake) -> None:
    _, model, deployment = ready(fireworks)
    with transaction() as session:
        session.get_one(TunedModel, model).shutdown_date = clock.now().date()
    with transaction() as session:
        assert end_shut_down(session, 10) == 1
    hosting.until(deployment, "ended")
    with pytest.raises(NotFound), transaction() as session:
        check_deployable(session, lock_any_model(session, model))


def test_a_deployment_that_is_refused_fails_and_holds_nothing(fireworks: FireworksFake) -> None:
    team = hands.make_team()
    model = hosting.make_model(fireworks, team)
    fireworks.models.clear()
    deployment = hosting.order(team, model)
    assert hosting.until(deployment, "failed").error == "model not found"
    assert hosting.held(team) == 0
    assert fireworks.living_deployments() == []
    assert "model.deployment_failed" in hosting.events(model)


def test_a_deployment_taken_back_before_it_was_made_leaves_nothing_there(fireworks: FireworksFake) -> None:
    team = hands.make_team()
    model = hosting.make_model(fireworks, team)
    deployment = hosting.order(team, model)
    fireworks.lose("POST", "/deployments$")
    run_step(ADVANCE_DEPLOYMENT, deployment)
    hosting.take_back(model)
    hosting.until(deployment, "ended")
    assert fireworks.living_deployments() == []
    assert hosting.held(team) == 0


def test_a_deployment_without_a_unit_of_work_gets_one(fireworks: FireworksFake) -> None:
    _, _, deployment = ready(fireworks)
    hands.forget(ADVANCE_DEPLOYMENT, deployment)
    with transaction() as session:
        assert revive_deployments(session, 10) == 1
    hosting.step(deployment)


def test_a_deployment_made_by_hand_is_charged_until_an_admin_removes_it(fireworks: FireworksFake) -> None:
    team = hands.make_team()
    model = hosting.make_model(fireworks, team)
    with transaction() as session:
        set_deployment(session, lock_any_model(session, model), "by-hand")
    deployment = hosting.latest(model).id
    hosting.let_pass(fireworks.age, deployment, timedelta(hours=1, minutes=30))
    hosting.step(deployment)
    assert hosting.paid(team) == PER_HOUR
    with pytest.raises(Conflict), transaction() as session:
        deploy(session, lock_any_model(session, model), hands.KEY, Guard())
    with transaction() as session:
        set_deployment(session, lock_any_model(session, model), None)
    assert hosting.look(deployment).state == "ended"
    assert hosting.held(team) == 0
    assert fireworks.requests("POST", "/deployments$") == []


def test_a_base_without_a_machine_or_a_price_is_refused(
    fireworks: FireworksFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = hands.make_team()
    model = hosting.make_model(fireworks, team)
    providers = json.loads(os.environ["TUNEHOUSE_PROVIDERS"])
    bare = json.dumps([providers[0] | {"hosting_machines": {}}])
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", bare)
    settings.cache_clear()
    with pytest.raises(InvalidRequest, match="hosting_machines"), transaction() as session:
        check_deployable(session, lock_any_model(session, model))

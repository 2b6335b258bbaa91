"""A plan names every model in lineage order with its data, cost and risks, and spends nothing."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from service.errors import Conflict, InvalidRequest, NotFound
from service.model_migrations.comparing import lost_share
from service.model_migrations.schemas import MigrationCreate
from tests.jobs import hands
from tests.model_migrations.story import (
    ACCEPT,
    NEW,
    change,
    held,
    look,
    make_models,
    migrate,
    plan,
    set_alias,
    start,
)

pytestmark = pytest.mark.usefixtures("database", "providers_environment")


def test_models_that_share_an_ancestor_are_planned_once_in_lineage_order() -> None:
    team = hands.make_team()
    first, second, third = make_models(team, None, 0, 0)
    set_alias(team, "support", third)
    planned = plan(team, models=[second, third], accept=ACCEPT)
    steps = planned.plan.steps
    assert [(one.model, one.starts_from, one.is_selected) for one in steps] == [
        (first, None, False),
        (second, 1, True),
        (third, 1, True),
    ]
    assert [one.aliases for one in steps] == [[], [], ["support"]]
    assert [one.comparison is not None for one in steps] == [False, True, True]
    costs = [Decimal(one.training_usd or 0) for one in steps]
    assert min(costs) > 0
    assert sum(costs) == Decimal(planned.plan.training_usd)
    compared = sum(Decimal(one.comparison.most_usd) for one in steps if one.comparison)
    assert Decimal(planned.plan.total_usd) == sum(costs) + compared
    assert planned.plan.ready and not planned.plan.cannot_move
    assert any("stops answering on 2027-01-14" in risk for risk in planned.plan.risks)
    assert (planned.status, planned.steps, held(team)) == ("planned", [], 0)

    later = plan(team, shutting_down_before="2027-01-14")
    assert [one.is_selected for one in later.plan.steps] == [True, True, True]
    with pytest.raises(InvalidRequest, match="0 models match"):
        plan(team, shutting_down_before="2027-01-13")


def test_a_model_that_is_there_already_does_not_move() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None, base="trainer/sandbox-large")
    already = plan(team, models=[old], to={"provider": "trainer", "base": "sandbox-large"})
    assert already.plan.cannot_move[0].reason == "It is on trainer/sandbox-large already."
    assert not already.plan.ready
    with pytest.raises(InvalidRequest, match="None of the models can move"):
        start(team, already)


def test_the_cheapest_base_outlasts_the_old_model() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None)
    (step,) = plan(team, models=[old], to="cheapest").plan.steps
    assert (step.provider, step.base_model) == ("trainer", "sandbox-mini")


def test_a_plan_that_would_differ_now_is_refused() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None)
    planned = plan(team, models=[old], accept=ACCEPT)
    set_alias(team, "support", old)
    with pytest.raises(Conflict, match="would differ now"):
        start(team, planned)
    assert look(team, planned).status == "planned"
    assert held(team) == 0
    start(team, plan(team, models=[old], accept=ACCEPT))


def test_a_plan_above_its_own_limit_or_the_budget_cannot_be_started() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None)
    dear = plan(team, models=[old], max_cost_usd="0.000001")
    assert "more than its max_cost_usd" in dear.plan.problems[0]
    with pytest.raises(InvalidRequest, match="more than its max_cost_usd"):
        start(team, dear)


def test_a_deleted_dataset_keeps_a_model_and_its_children_where_they_are() -> None:
    team = hands.make_team()
    first, second = make_models(team, None, 0)
    with_data = plan(team, models=[second]).plan.steps[0].training_data[0]
    hands.delete_file(team, with_data.file_id)
    planned = plan(team, models=[first, second]).plan
    assert [one.model for one in planned.cannot_move] == [first, second]
    assert "was deleted" in planned.cannot_move[0].reason
    assert f"It starts from {first}, which cannot move" in planned.cannot_move[1].reason


def test_a_model_that_no_longer_answers_is_moved_without_a_comparison() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None)
    change(old, shutdown_date=date(2026, 1, 1))
    planned = plan(team, models=[old], accept=ACCEPT)
    assert "was shut down on 2026-01-01" in str(planned.plan.steps[0].not_compared)
    done = migrate(team, models=[old], accept=ACCEPT)
    assert done.steps[0].status == "made"


def test_prompts_and_judges_of_others_are_refused_instead_of_compared_with_nothing() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None)
    theirs = hands.make_file(hands.make_team())
    with pytest.raises(NotFound, match=theirs):
        plan(team, models=[old], prompts=theirs, accept=ACCEPT)
    with pytest.raises(NotFound, match="nobody"):
        plan(team, models=[old], accept={"grader": "judge", "judge_model": "nobody"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"models": ["ft:a"], "alias": "b"},
        {"models": ["ft:a"], "prompts": "file-a"},
        {"models": ["ft:a"], "accept": {"grader": "judge"}},
        {"models": ["ft:a"], "to": "anywhere"},
    ],
)
def test_a_request_that_is_not_clear_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MigrationCreate.model_validate({"to": NEW} | body)


def test_the_lost_share_counts_wins_against_losses_and_ties_for_neither() -> None:
    assert lost_share(["first", "first", "second", "tie"]) == 0.25
    assert lost_share(["second", "tie"]) == -0.5
    assert lost_share([]) == 1.0

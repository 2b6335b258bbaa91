"""A confirmed migration retrains, compares and switches, within its money, and ends whatever happens."""

import pytest

from service.errors import Conflict
from tests.jobs import hands
from tests.model_migrations.story import (
    ACCEPT,
    cancel,
    finish,
    held,
    make_models,
    migrate,
    model,
    plan,
    set_alias,
    start,
    statuses,
    target_of,
)
from tests.support.clean import work_left
from tests.support.trainer_process import TrainerProcess

pytestmark = pytest.mark.usefixtures("database", "providers_environment")


def test_a_moved_model_is_used_again_by_the_next_migration() -> None:
    team = hands.make_team()
    first, second = make_models(team, None, 0)
    done = migrate(team, models=[first], max_cost_usd="5")
    assert statuses(done) == {first: "made"}
    set_alias(team, "support", second)
    planned = plan(team, alias="support", accept=ACCEPT)
    assert [step.reuses for step in planned.plan.steps] == [done.steps[0].produced, None]
    assert planned.plan.steps[0].training_usd == "0.00"
    moved = finish(team, start(team, planned))
    assert statuses(moved) == {first: "made", second: "moved"}
    new = str(moved.steps[1].produced)
    assert (model(new).migrated_from, model(new).parent_id) == (second, done.steps[0].produced)
    assert target_of(team, "support") == new
    assert (held(team), work_left()) == (0, [])


def test_a_failed_job_skips_what_starts_from_it_and_moves_the_rest(trainer: TrainerProcess) -> None:
    team = hands.make_team()
    first, child, other = make_models(team, None, 0, None)
    trainer.control.fault("status", method="POST", path="/v1/fine_tuning/jobs$", status=400)
    done = migrate(team, models=[child, other])
    assert statuses(done) == {first: "failed", child: "skipped", other: "made"}
    assert done.status == "failed"
    assert f"{first}: Job ftjob-" in str(done.error)
    assert held(team) == 0


def test_a_cancelled_migration_cancels_its_job_and_lets_go_of_money_and_files() -> None:
    team = hands.make_team()
    first, second = make_models(team, None, 0)
    planned = plan(team, models=[second], accept=ACCEPT)
    data = [step.training_data[0].file_id for step in planned.plan.steps]
    begun = start(team, planned)
    assert held(team) > 0
    with pytest.raises(Conflict, match="is in use"):
        hands.delete_file(team, data[1])
    assert statuses(cancel(team, begun)) == {first: "cancelled", second: "cancelled"}
    assert held(team) == 0
    hands.delete_file(team, data[1])
    with pytest.raises(Conflict, match="is cancelled"):
        cancel(team, begun)
    hands.run_due()

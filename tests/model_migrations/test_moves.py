"""A confirmed migration retrains, compares and switches, within its money, and ends whatever happens."""

from decimal import Decimal

import pytest

from service.core.db import transaction
from service.errors import Conflict
from service.ledger.actions import settle
from service.ledger.queries import limits_of
from service.models.actions import ADVANCE_MIGRATION
from service.teams.quotas.actions import Quota, set_quotas
from tests.jobs import hands
from tests.ledger import make
from tests.model_migrations.story import (
    ACCEPT,
    cancel,
    finish,
    held,
    look,
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
from worker.run import run_step

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


def test_a_migration_starts_once() -> None:
    team = hands.make_team()
    (old,) = make_models(team, None)
    planned = plan(team, models=[old])
    start(team, planned)
    before = held(team)
    with pytest.raises(Conflict, match="is running"):
        start(team, planned)
    assert held(team) == before
    done = finish(team, look(team, planned))
    with pytest.raises(Conflict, match="is completed"):
        start(team, planned)
    assert look(team, planned) == done


def test_jobs_that_train_at_the_same_time_cannot_exceed_the_limit_together() -> None:
    team = hands.make_team()
    models = make_models(team, None, None, None)
    begun = start(team, plan(team, models=models, max_cost_usd="5"))
    for _ in models:
        run_step(ADVANCE_MIGRATION, begun.id)
    jobs = [str(step.job_id) for step in look(team, begun).steps]
    with transaction() as session:
        limits = limits_of(session, jobs)
    assert len(limits) == 3
    assert Decimal("4.9") < sum(limits.values()) < Decimal("5.000001")
    assert max(limits.values()) < 2 * min(limits.values())
    assert finish(team, begun).status == "completed"


def test_a_migration_stops_at_its_limit_and_holds_nothing() -> None:
    team = hands.make_team()
    _, second = make_models(team, None, 0)
    planned = plan(team, models=[second])
    planned = plan(team, models=[second], max_cost_usd=str(Decimal(planned.plan.total_usd) + 1))
    begun = start(team, planned)
    run_step(ADVANCE_MIGRATION, begun.id)
    job_id = str(look(team, begun).steps[0].job_id)
    dear = make.charge("dear", 200_000, job_id=job_id)  # $2
    with transaction() as session:
        settle(session, team_id=team, subject_id="dear", charges=[dear])
    done = finish(team, begun)
    assert statuses(done)[second] in ("failed", "skipped")
    assert done.steps[1].job_id is None
    assert held(team) == 0


def test_a_step_waits_while_the_team_may_have_no_more_jobs() -> None:
    team = hands.make_team()
    models = make_models(team, None, None)
    with transaction() as session:
        set_quotas(session, team, {Quota.QUEUED_JOBS: 1})
    assert statuses(migrate(team, models=models)) == dict.fromkeys(models, "made")


def test_an_alias_that_was_pointed_elsewhere_meanwhile_stays_there() -> None:
    team = hands.make_team()
    old, other = make_models(team, None, None)
    for name in ("moved", "stays"):
        set_alias(team, name, old)
    begun = start(team, plan(team, models=[old], accept=ACCEPT))
    set_alias(team, "stays", other)
    (step,) = finish(team, begun).steps
    assert step.switched_aliases == ["moved"]
    assert (target_of(team, "moved"), target_of(team, "stays")) == (step.produced, other)


def test_a_moved_model_is_used_again_although_its_data_was_deleted() -> None:
    team = hands.make_team()
    first, second = make_models(team, None, 0)
    planned = plan(team, models=[first])
    done = finish(team, start(team, planned))
    hands.delete_file(team, planned.plan.steps[0].training_data[0].file_id)
    assert statuses(migrate(team, models=[second])) == {first: "made", second: "made"}
    assert done.status == "completed"

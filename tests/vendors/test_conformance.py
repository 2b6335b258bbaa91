"""What Tunehouse promises, at every kind of provider."""

from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest
from openai import OpenAI
from sqlalchemy import select

from service.comparisons.answered import Answered
from service.comparisons.asking import prepare
from service.core.db import transaction
from service.errors import InvalidRequest
from service.events.tables import Event
from service.files.tables import FileCopy
from service.gateway.targets import priced
from service.jobs.present import job_out
from service.jobs.queries import job_money
from service.jobs.queue import places
from service.jobs.tables import JobCheckpoint
from service.ledger.queries import budget_view, cost_of_job
from service.ledger.tables import Entry
from service.models.actions import delete_model
from service.models.deployments.checks import check_deployable
from service.models.deployments.queries import lock_any_model
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import capabilities_of
from service.providers.registry import endpoint_of, get_provider, provider_settings
from tests.fakes.chat import WORDS
from tests.fakes.server import KEY as KEY_OF_FAKES
from tests.jobs import hands
from tests.models import hosting
from tests.support.clean import work_left
from tests.support.plain import sdk_client
from tests.support.waiting import wait_until
from tests.vendors.kinds import NAME, Loss, Vendor


def start(vendor: Vendor, team: str, file_id: str, **body: object) -> str:
    return hands.make_job(team, file_id, vendor.base, **body)


def do_what_is_due() -> None:
    hands.make_due()
    hands.run_due()


def finish(job_id: str) -> None:
    def ended() -> bool:
        do_what_is_due()
        return hands.look(job_id).has_ended

    wait_until(ended)


def run_held(vendor: Vendor, job_id: str) -> None:
    def runs() -> bool:
        do_what_is_due()
        if hands.look(job_id).provider_job_id:
            vendor.tick()
        return hands.look(job_id).status == "running"

    wait_until(runs)


def cost(team: str, job_id: str) -> Decimal:
    with transaction() as session:
        return cost_of_job(session, job_id)


def held(team: str) -> Decimal:
    with transaction() as session:
        return budget_view(session, team).held_usd


def assert_paid(vendor: Vendor, team: str, job_id: str) -> None:
    """The team pays the vendor's bill; where the vendor does not report it, at least that, for review."""
    bill, charged = vendor.bill_usd(vendor.made_for(job_id)), cost(team, job_id)
    if capabilities_of(vendor.kind).reports_training:  # type: ignore[arg-type]
        assert charged == bill
        return
    with transaction() as session:
        states = session.scalars(select(Entry.state).where(Entry.job_id == job_id)).all()
    assert charged >= bill
    assert set(states) == {"uncertain"}


def trained(vendor: Vendor) -> tuple[str, str]:
    """A team and its model."""
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team))
    finish(job_id)
    return team, str(hands.look(job_id).fine_tuned_model)


def test_a_job_runs_to_a_model_with_a_log_and_checkpoints(vendor: Vendor) -> None:
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team), suffix="tea", seed=None)
    finish(job_id)
    job = hands.look(job_id)
    assert job.status == "succeeded", job.error
    known = capabilities_of(vendor.kind)  # type: ignore[arg-type]
    with transaction() as session:
        model = session.get_one(TunedModel, job.fine_tuned_model)
        assert model.id.startswith(f"ft:{vendor.base}:hands-")
        kept = session.scalars(select(JobCheckpoint).where(JobCheckpoint.job_id == job_id)).all()
        copied = session.scalars(
            select(Event.message).where(Event.subject_id == job_id, Event.source_key.is_not(None))
        ).all()
    assert bool(kept) == known.checkpoints
    assert copied


def test_the_team_pays_what_the_vendor_bills(vendor: Vendor) -> None:
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team))
    finish(job_id)
    assert_paid(vendor, team, job_id)
    assert cost(team, job_id) > 0
    assert held(team) == 0


@pytest.mark.parametrize("how", ["lost", "never_arrived", "error_after_accepting"])
def test_a_create_whose_answer_is_spoilt_leaves_one_job_there(vendor: Vendor, how: Loss) -> None:
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team))
    vendor.lose_create(how)
    finish(job_id)
    assert hands.look(job_id).status == "succeeded", hands.look(job_id).error
    assert len(vendor.made_for(job_id)) == 1


def test_an_upload_whose_answer_is_lost_leaves_one_file_there(vendor: Vendor) -> None:
    team = hands.make_team()
    before = len(vendor.files())
    vendor.lose_upload()
    job_id = start(vendor, team, hands.make_file(team))
    finish(job_id)
    assert hands.look(job_id).status == "succeeded", hands.look(job_id).error
    assert len(vendor.files()) == before + 1


def test_a_running_job_is_cancelled_there_and_the_hold_is_released(vendor: Vendor) -> None:
    team = hands.make_team()
    vendor.hold()
    job_id = start(vendor, team, hands.make_file(team))
    run_held(vendor, job_id)
    hands.ask(job_id, "cancel")
    finish(job_id)
    assert hands.look(job_id).status == "cancelled"
    assert held(team) == 0
    assert_paid(vendor, team, job_id)


def test_a_cancel_that_comes_after_the_end_changes_nothing(vendor: Vendor) -> None:
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team))
    vendor.hold()
    wait_until(lambda: do_what_is_due() or hands.look(job_id).provider_job_id)
    vendor.let_go()
    there = get_provider(NAME)
    wait_until(lambda: there.get_job(str(hands.look(job_id).provider_job_id)).status == "succeeded")
    hands.ask(job_id, "cancel")
    finish(job_id)
    assert hands.look(job_id).status == "succeeded"
    assert_paid(vendor, team, job_id)


def test_a_deleted_model_is_deleted_there(vendor: Vendor) -> None:
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team))
    finish(job_id)
    with transaction() as session:
        delete_model(session, lock_any_model(session, str(hands.look(job_id).fine_tuned_model)))
    do_what_is_due()
    assert work_left() == []


def test_a_deployment_is_made_once_and_answers_whole_and_as_a_stream(vendor: Vendor) -> None:
    team, model = trained(vendor)
    if not capabilities_of(vendor.kind).deploys:  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest), transaction() as session:
            check_deployable(session, lock_any_model(session, model))
        return
    vendor.lose_deploy()
    deployment = hosting.order(team, model)
    wait_until(lambda: hosting.until(deployment, "ready"))
    assert len(vendor.living_deployments()) == 1
    with transaction() as session:
        target = priced(session, team, model)
    with httpx2.Client(trust_env=False) as client:
        answer = prepare(target, [{"role": "user", "content": "How hot?"}], 16, None).ask(client)
    assert isinstance(answer, Answered)
    where = endpoint_of(provider_settings(NAME))
    with OpenAI(
        base_url=where.base_url, api_key=KEY_OF_FAKES, http_client=sdk_client(), max_retries=0
    ) as sdk:
        stream = sdk.chat.completions.create(
            model=target.target.provider_model,
            messages=[{"role": "user", "content": "How hot?"}],
            stream=True,
        )
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said == "".join(WORDS)
    hosting.take_back(model)
    hosting.until(deployment, "ended")
    assert vendor.living_deployments() == []


def test_hosting_costs_the_team_what_the_vendor_bills(vendor: Vendor) -> None:
    team, model = trained(vendor)
    if not capabilities_of(vendor.kind).deploys:  # type: ignore[arg-type]
        assert vendor.hosting_bill_usd() == 0
        return
    before = vendor.hosting_bill_usd()
    deployment = hosting.order(team, model)
    hosting.until(deployment, "ready")
    hosting.let_pass(vendor.age, deployment, timedelta(hours=2, minutes=20, seconds=20))
    hosting.step(deployment)
    hosting.take_back(model)
    hosting.until(deployment, "ended")
    # The vendor's clock stops while it answers us, ours a moment later.
    apart = abs(hosting.paid(team) - (vendor.hosting_bill_usd() - before))
    assert apart < Decimal("0.10")
    assert held(team) == 0


def test_two_teams_with_the_same_data_share_nothing_there(vendor: Vendor) -> None:
    first, second = hands.make_team(), hands.make_team()
    jobs = [start(vendor, team, hands.make_file(team)) for team in (first, second)]
    for job_id in jobs:
        finish(job_id)
    with transaction() as session:
        copies = session.scalars(
            select(FileCopy.provider_file_id).where(FileCopy.team_id.in_([first, second]))
        ).all()
        models = session.scalars(
            select(TunedModel.provider_model).where(TunedModel.team_id.in_([first, second]))
        ).all()
    assert len(set(copies)) == 2
    assert len(set(models)) == len(models)


def test_a_deleted_file_is_deleted_there(vendor: Vendor) -> None:
    team = hands.make_team()
    file_id = hands.make_file(team)
    before = set(vendor.files())
    finish(start(vendor, team, file_id))
    assert set(vendor.files()) != before
    hands.delete_file(team, file_id)
    do_what_is_due()
    assert set(vendor.files()) == before


def test_the_vendor_s_ids_stay_inside(vendor: Vendor) -> None:
    team = hands.make_team()
    job_id = start(vendor, team, hands.make_file(team))
    finish(job_id)
    job = hands.look(job_id)
    with transaction() as session:
        shown = job_out(job, job_money(session, team, [job_id]), places(session, [job])).model_dump_json()
        log = session.scalars(select(Event).where(Event.subject_id == job_id)).all()
        model = session.get_one(TunedModel, job.fine_tuned_model)
        said = shown + "".join(f"{event.message}{event.data}" for event in log)
        for theirs in (job.provider_job_id, job.provider_training_file, model.provider_model):
            assert str(theirs) not in said

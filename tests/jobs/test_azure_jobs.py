"""Jobs at an upstream with Azure's habits, through the whole of Tunehouse."""

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal

import httpx2
import pytest
from sqlalchemy import select

from service.comparisons.answered import Answered
from service.comparisons.asking import prepare
from service.core.db import transaction
from service.errors import Conflict, NotFound
from service.files.queries import find_content, stream
from service.files.tables import File
from service.gateway.targets import priced
from service.jobs.metrics.curves import curves_from_csv
from service.jobs.tables import JobCheckpoint
from service.ledger.queries import cost_of_job
from service.models.actions import DELETE_UPSTREAM, delete_model
from service.models.deployments.actions import ADVANCE_DEPLOYMENT, set_deployment
from service.models.deployments.queries import lock_any_model
from service.models.queries import resolve
from service.models.tables import TunedModel
from service.settings import settings
from tests.jobs import hands
from tests.support.clean import work_left
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture(scope="module")
def azure_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """The trainer imitating Azure."""
    folder = tmp_path_factory.mktemp("azure")
    process = TrainerProcess(folder, bases=[MODEL], dialect="azure", step_ms=1).start()
    yield process
    process.stop()


@pytest.fixture
def azure(
    azure_process: TrainerProcess, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TrainerProcess]:
    """That trainer as the only provider."""
    (provider,) = json.loads(azure_process.as_provider("azure"))
    providers = json.dumps([provider | {"kind": "azure", "training_type": "GlobalStandard"}])
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", providers)
    settings.cache_clear()
    yield azure_process
    monkeypatch.undo()
    settings.cache_clear()
    azure_process.control.reset()


def finish(job_id: str) -> None:
    def ended() -> bool:
        hands.make_due()
        hands.run_due()
        return hands.look(job_id).has_ended

    wait_until(ended)


@pytest.mark.usefixtures("azure")
def test_a_job_runs_to_a_model_results_and_a_bill() -> None:
    team = hands.make_team()
    job_id = hands.make_job(team, hands.make_file(team), MODEL, suffix="a-suffix-that-azure-would-not-take")
    finish(job_id)
    job = hands.look(job_id)
    assert job.status == "succeeded", job.error
    with transaction() as session:
        model = session.get_one(TunedModel, job.fine_tuned_model)
        assert model.id.startswith(f"ft:{MODEL}:hands-")
        assert ":a-suffix-that-azure-would-not-take:" in model.id
        assert model.provider_model != model.id
        results = session.get_one(File, job.result_files[0])
        content = find_content(session, results)
        assert content is not None
        curves = curves_from_csv(b"".join(stream(content)))
        assert {"train_loss", "train_accuracy"} <= curves.keys()
        kept = session.scalars(select(JobCheckpoint).where(JobCheckpoint.job_id == job_id)).all()
        assert len(kept) == 3
        assert job.trained_tokens
        charged = cost_of_job(session, job_id)
    assert charged == Decimal(5) * job.trained_tokens / 1_000_000


@pytest.mark.usefixtures("azure")
def test_a_model_tuned_there_is_tuned_on_under_the_provider_s_name_for_it() -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    first = hands.make_job(team, data, MODEL)
    finish(first)
    second = hands.make_job(team, data, str(hands.look(first).fine_tuned_model))
    finish(second)
    assert hands.look(second).status == "succeeded"
    assert hands.look(second).parent_id == hands.look(first).fine_tuned_model


def tuned(team: str) -> TunedModel:
    """A model made there."""
    job_id = hands.make_job(team, hands.make_file(team), MODEL)
    finish(job_id)
    with transaction() as session:
        return session.get_one(TunedModel, hands.look(job_id).fine_tuned_model)


def deploy(azure: TrainerProcess, model: TunedModel, name: str) -> None:
    """Deploy it there, and say so here."""
    azure.control.deploy(name, model.provider_model)
    with transaction() as session:
        set_deployment(session, lock_any_model(session, model.id), name)


def test_a_tuned_model_is_asked_under_its_deployment_s_name(azure: TrainerProcess) -> None:
    team = hands.make_team()
    model = tuned(team)
    assert re.fullmatch(MODEL + r"\.ft-[0-9a-f]{32}", model.provider_model)
    with pytest.raises(NotFound) as refused, transaction() as session:
        priced(session, team, model.id)
    assert refused.value.error_code == "model_not_deployed"
    deploy(azure, model, "support-v3")
    with transaction() as session:
        target = priced(session, team, model.id)
    with httpx2.Client(trust_env=False) as client:
        answer = prepare(target, [{"role": "user", "content": "Where is my parcel?"}], 16, None).ask(client)
    assert isinstance(answer, Answered)


def test_a_base_is_asked_under_the_name_that_the_settings_give_its_deployment(
    azure: TrainerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    providers = json.loads(os.environ["TUNEHOUSE_PROVIDERS"])
    named = json.dumps([providers[0] | {"deployments": {MODEL: "shared-mini"}}])
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", named)
    settings.cache_clear()
    team = hands.make_team()
    with transaction() as session:
        assert priced(session, team, MODEL).target.provider_model == "shared-mini"
        assert resolve(session, team, MODEL).provider_model == MODEL


def test_a_deployment_serves_one_model_until_that_is_deleted(azure: TrainerProcess) -> None:
    model, other = tuned(hands.make_team()), tuned(hands.make_team())
    deploy(azure, model, "only-one")
    with pytest.raises(Conflict):
        deploy(azure, other, "only-one")
    with transaction() as session:
        delete_model(session, lock_any_model(session, model.id))
    with transaction() as session:
        set_deployment(session, lock_any_model(session, other.id), "only-one")


def test_a_deployed_model_is_deleted_there_once_it_is_deployed_no_more(azure: TrainerProcess) -> None:
    model = tuned(hands.make_team())
    deploy(azure, model, "in-use")
    with transaction() as session:
        delete_model(session, lock_any_model(session, model.id))
    hands.run_due()
    # Until Azure has deleted it, its hosting is charged.
    assert {kind for kind, _ in work_left()} == {DELETE_UPSTREAM, ADVANCE_DEPLOYMENT}
    azure.control.deploy("in-use", None)
    hands.make_due()
    hands.run_due()
    assert work_left() == []

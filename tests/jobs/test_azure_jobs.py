"""Jobs at an upstream with Azure's habits, through the whole of Tunehouse."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.datasets.queries import find_content, stream
from service.datasets.tables import File
from service.jobs.metrics import curves_from_csv
from service.jobs.tables import JobCheckpoint
from service.ledger.queries import costs_by_job
from service.registry.tables import TunedModel
from service.settings import settings
from tests.jobs import hands
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def azure(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainerProcess]:
    """The trainer imitating Azure, as the only provider."""
    process = TrainerProcess(tmp_path, bases=[MODEL], dialect="azure", step_ms=1)
    process.start()
    (provider,) = json.loads(process.as_provider("azure"))
    providers = json.dumps([provider | {"kind": "azure", "training_type": "GlobalStandard"}])
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", providers)
    settings.cache_clear()
    yield process
    monkeypatch.undo()
    settings.cache_clear()
    process.stop()


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
        assert session.scalars(select(JobCheckpoint).where(JobCheckpoint.job_id == job_id)).all()
        assert job.trained_tokens
        charged = costs_by_job(session, team, [job_id])[job_id]
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

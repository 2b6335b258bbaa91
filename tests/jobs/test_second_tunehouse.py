"""A Tunehouse whose provider is another Tunehouse: ours does its steps by hand, the other one runs."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from service.core.db import transaction
from service.ledger.queries import cost_of_job
from service.models.tables import TunedModel
from service.settings import settings
from tests.jobs import hands
from tests.support.catalogue import own_catalogue
from tests.support.lossy_proxy import LossyProxy, lossy_proxy
from tests.support.processes import Api
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

CATALOGUE = """
[[openai_compatible.models]]
id = "sandbox-mini"
methods = ["supervised", "dpo"]
token_limit = 65_536
context_tokens = 128_000
encoding = "o200k_base"

[[openai_compatible.prices]]
source = "Our agreement with the team that runs the other Tunehouse"
effective_from = 2025-01-01
unit = "tokens"
unit_quantity = 1_000_000

[openai_compatible.prices.usd]
"sandbox-mini" = { training_tokens = "4" }
"""

pytestmark = pytest.mark.usefixtures("worker", "trainer")


@pytest.fixture
def proxy(api_process: Api) -> Iterator[LossyProxy]:
    """The way to the other Tunehouse, which can lose answers."""
    with lossy_proxy(api_process.port) as between:
        yield between


@pytest.fixture
def other(
    service: Service, database: str, proxy: LossyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TeamHandle]:
    """A team of the other Tunehouse, whose key is our provider's."""
    team = service.make_team(budget_usd="5.00")
    provider = {
        "name": "other",
        "kind": "openai_compatible",
        "base_url": f"http://127.0.0.1:{proxy.port}/v1",
        "api_key": team.key,
        "timeout_s": 2.5,
    }
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", json.dumps([provider]))
    settings.cache_clear()
    with own_catalogue(tmp_path / "catalogue.toml", CATALOGUE):
        yield team
    monkeypatch.undo()
    settings.cache_clear()


def is_create(request: bytes) -> bool:
    return request.startswith(b"POST /v1/fine_tuning/jobs ")


def finish(job_id: str) -> None:
    def ended() -> bool:
        hands.make_due()
        hands.run_due()
        return hands.look(job_id).has_ended

    wait_until(ended)


def test_a_job_trains_there_once_although_the_answer_to_its_create_is_lost(
    other: TeamHandle, proxy: LossyProxy
) -> None:
    team = hands.make_team()
    proxy.lose(1, is_create)
    job_id = hands.make_job(team, hands.make_file(team), suffix="tea")
    finish(job_id)

    job = hands.look(job_id)
    assert job.status == "succeeded", job.error
    assert proxy.lost == 1
    (theirs,) = other.sdk.fine_tuning.jobs.list(limit=100)
    assert theirs.metadata == {"upstream_job": job_id}
    with transaction() as session:
        model = session.get_one(TunedModel, job.fine_tuned_model)
        assert (model.provider_model, model.id) == (theirs.fine_tuned_model, job.fine_tuned_model)
        assert cost_of_job(session, job_id) == Decimal(4) * theirs.trained_tokens / 10**6


def test_a_tuned_model_is_tuned_again_there(other: TeamHandle) -> None:
    team = hands.make_team()
    data = hands.make_file(team)
    first = hands.make_job(team, data)
    finish(first)
    second = hands.make_job(team, data, str(hands.look(first).fine_tuned_model))
    finish(second)
    assert hands.look(second).status == "succeeded", hands.look(second).error
    assert hands.look(second).parent_id == hands.look(first).fine_tuned_model
    assert len(list(other.sdk.fine_tuning.jobs.list(limit=100))) == 2

"""What a kind of provider cannot do is refused over HTTP, with the providers that can; nothing is created."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import update

from service.core import clock
from service.core.db import transaction
from service.jobs.states import JobStatus
from service.jobs.tables import Job
from service.models.tables import TunedModel
from service.settings import settings
from tests.conftest import ADMIN_KEY
from tests.jobs import hands
from tests.support.processes import Api
from tests.support.service import Service, TeamHandle

NOWHERE = {"base_url": "http://127.0.0.1:9/v1", "api_key": "unused", "timeout_s": 1}
ACCOUNT = {"base_url": "http://127.0.0.1:9/v1/accounts/acme"}
KINDS = ("openai", "nebius", "together", "fireworks")
MODELS = {
    "nebius": "meta-llama/Llama-3.1-8B-Instruct",
    "together": "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    "fireworks": "accounts/fireworks/models/llama-v3p1-8b-instruct",
}
INTEGRATIONS = [{"type": "wandb", "wandb": {"project": "tea"}}]


@pytest.fixture(scope="module")
def market_api(quiet_url: str, environment: dict[str, str], folder: Path) -> Iterator[Api]:
    """An api with four kinds of provider, none of which can be reached, on a database without workers."""
    providers = [
        NOWHERE | {"name": kind, "kind": kind} | (ACCOUNT if kind == "fireworks" else {}) for kind in KINDS
    ]
    env = environment | {
        "TUNEHOUSE_DATABASE_URL": quiet_url,
        "TUNEHOUSE_REDIS_URL": environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/6",
        "TUNEHOUSE_PROVIDERS": json.dumps(providers),
    }
    process = Api(env, folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def team(market_api: Api, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TeamHandle]:
    """A team there; this process has the same providers."""
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", market_api.env["TUNEHOUSE_PROVIDERS"])
    settings.cache_clear()
    with Service(market_api.url, ADMIN_KEY) as service:
        yield service.make_team(budget_usd="100")
    monkeypatch.undo()
    settings.cache_clear()


def refused(answer: httpx2.Response, code: str, param: str, *said: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param), error
    assert all(words in error["message"] for words in said), error


@pytest.mark.parametrize(
    ("kind", "field", "value", "takers"),
    [
        ("fireworks", "seed", 7, "openai, nebius, together"),
        ("together", "validation_file", "file-other", "openai, nebius, fireworks"),
        ("nebius", "integrations", INTEGRATIONS, "openai"),
        ("together", "integrations", INTEGRATIONS, "openai"),
        ("fireworks", "integrations", INTEGRATIONS, "openai"),
    ],
)
def test_a_field_that_the_provider_does_not_take_is_refused(
    kind: str, field: str, value: object, takers: str, team: TeamHandle
) -> None:
    file_id = hands.make_file(team.id)
    body = {"model": f"{kind}/{MODELS[kind]}", "training_file": file_id, field: value}
    answer = team.http.post("/v1/fine_tuning/jobs", json=body)
    refused(answer, "field_not_supported", field, f"'{kind}' does not take '{field}'", f"it: {takers}.")
    assert team.http.get("/v1/fine_tuning/jobs").json()["data"] == []


@pytest.mark.parametrize(
    ("kind", "action", "status", "able"),
    [
        ("nebius", "pause", JobStatus.RUNNING, "openai"),
        ("together", "pause", JobStatus.RUNNING, "openai"),
        ("fireworks", "pause", JobStatus.RUNNING, "openai"),
        ("nebius", "resume", JobStatus.PAUSED, "openai, fireworks"),
        ("together", "resume", JobStatus.PAUSED, "openai, fireworks"),
    ],
)
def test_an_action_that_the_provider_does_not_have_is_refused_and_not_noted(
    kind: str, action: str, status: JobStatus, able: str, team: TeamHandle
) -> None:
    job_id = hands.make_job(team.id, hands.make_file(team.id), f"{kind}/{MODELS[kind]}")
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(status=status.value))
    answer = team.http.post(f"/v1/fine_tuning/jobs/{job_id}/{action}")
    said = f"'{kind}' cannot {action} a job. Providers that can: {able}."
    refused(answer, "action_not_supported", "fine_tuning_job_id", said)
    assert hands.look(job_id).requested is None


def test_tuning_a_tuned_model_again_where_that_is_impossible_is_refused(team: TeamHandle) -> None:
    file_id = hands.make_file(team.id)
    model = TunedModel(
        id="ft:llama:team:x:12345678",
        team_id=team.id,
        kind="model",
        provider="nebius",
        provider_model="theirs",
        base_model=MODELS["nebius"],
        job_id="ftjob-1",
        training_file=file_id,
        created_at=clock.now(),
    )
    with transaction() as session:
        session.add(model)
    body = {"model": "ft:llama:team:x:12345678", "training_file": file_id}
    answer = team.http.post("/v1/fine_tuning/jobs", json=body)
    said = f"Start from '{MODELS['nebius']}'"
    refused(answer, "tuned_model_not_tunable", "model", said, "can: openai, together, fireworks.")


def test_a_hyperparameter_out_of_the_provider_s_range_is_refused_in_openai_s_units(team: TeamHandle) -> None:
    hyperparameters = {"learning_rate_multiplier": 1000}
    method = {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}
    body = {
        "model": f"nebius/{MODELS['nebius']}",
        "training_file": hands.make_file(team.id),
        "method": method,
    }
    error = team.http.post("/v1/fine_tuning/jobs", json=body).json()["error"]
    assert error["param"] == "method.hyperparameters"
    assert "must be between 0.01 and 100" in error["message"]


def test_without_its_provider_a_job_can_be_cancelled_but_not_paused(
    team: TeamHandle,
) -> None:
    job_id = hands.make_job(team.id, hands.make_file(team.id), f"nebius/{MODELS['nebius']}")
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(provider="gone", status=JobStatus.RUNNING))
    error = team.http.post(f"/v1/fine_tuning/jobs/{job_id}/pause")
    assert (error.status_code, error.json()["error"]["code"]) == (503, "provider_not_configured")
    cancelled = team.http.post(f"/v1/fine_tuning/jobs/{job_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


def test_a_job_at_a_provider_without_seeds_has_none_and_its_echo_is_accepted(team: TeamHandle) -> None:
    body = {"model": f"fireworks/{MODELS['fireworks']}", "training_file": hands.make_file(team.id)}
    job = team.http.post("/v1/fine_tuning/jobs", json=body).json()
    assert job["seed"] is None
    echo = {name: job[name] for name in ("model", "training_file", "seed", "metadata", "method")}
    assert team.http.post("/v1/fine_tuning/jobs", json=echo).status_code == 200

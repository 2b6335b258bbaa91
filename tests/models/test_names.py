"""A model's names: on offer, undated, an alias, shut down, or unknown."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import openai
import pytest
from sqlalchemy import delete

from service.core import clock
from service.core.db import transaction
from service.models.shutdowns.actions import record_shutdowns
from service.models.shutdowns.tables import AnnouncedShutdown
from tests.jobs.story import upload
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle

ASK: Any = [{"role": "user", "content": "Which tea?"}]
UNDATED, DATED = "gpt-4o-mini", "gpt-4o-mini-2024-07-18"


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team()


@pytest.fixture
def shut_down_on() -> Iterator[str]:
    day = clock.now().date() - timedelta(days=1)
    with transaction() as session:
        record_shutdowns(session, "trainer", {"sandbox-large": day})
    yield day.isoformat()
    with transaction() as session:
        session.execute(delete(AnnouncedShutdown))


def test_an_unknown_model_says_what_is_on_offer_and_where_names_are_made(team: TeamHandle) -> None:
    for name in ("gpt-9", "ft:sandbox-mini:other::AAAAAAAA"):
        with pytest.raises(openai.NotFoundError, match=r"On offer: .*sandbox-mini.*PUT /v1/aliases") as chat:
            team.sdk.chat.completions.create(model=name, messages=ASK)
        with pytest.raises(openai.NotFoundError) as job:
            team.sdk.fine_tuning.jobs.create(model=name, training_file="file-none")
        with pytest.raises(openai.NotFoundError) as model:
            team.sdk.models.retrieve(name)
        assert chat.value.code == job.value.code == model.value.code == "model_not_found"
        assert chat.value.body == job.value.body == model.value.body


def test_an_undated_name_means_its_snapshot_everywhere(team: TeamHandle, worker: Worker) -> None:
    file = upload(team.sdk)
    body = {"model": UNDATED, "training_file": file.id}
    estimate = team.http.post("/v1/fine_tuning/estimates", json=body).json()
    assert estimate["model"] == team.sdk.models.retrieve(UNDATED).id == DATED
    listed = {model.id: model.model_extra or {} for model in team.sdk.models.list()}
    assert listed[DATED]["tunehouse"]["names"] == [UNDATED]
    refused = team.http.put(f"/v1/aliases/{UNDATED}", json={"model": "sandbox-mini"})
    assert refused.json()["error"]["code"] == "name_taken"
    team.http.put("/v1/aliases/helper", json={"model": UNDATED}).raise_for_status()
    ends = {end["model"]: end for end in team.http.get("/v1/shutdowns").json()["data"]}
    assert ends[DATED]["aliases"] == ["helper"]


def test_aliases_are_listed_among_the_models(team: TeamHandle) -> None:
    team.http.put("/v1/aliases/helper", json={"model": "sandbox-mini"}).raise_for_status()
    listed = {model.id: model.model_extra or {} for model in team.sdk.models.list()}
    assert listed["helper"]["tunehouse"]["alias_of"] == "sandbox-mini"
    assert listed["sandbox-mini"]["tunehouse"]["alias_of"] is None
    team.http.delete("/v1/aliases/helper").raise_for_status()
    assert "helper" not in {model.id for model in team.sdk.models.list()}


def test_a_model_that_has_shut_down_says_so_everywhere_and_is_not_on_offer(
    team: TeamHandle, shut_down_on: str
) -> None:
    team.http.put("/v1/aliases/helper", json={"model": "sandbox-large"}).raise_for_status()
    said = rf"'sandbox-large' was shut down on {shut_down_on}\. Models that answer: .*sandbox-mini"
    for name in ("sandbox-large", "helper"):
        with pytest.raises(openai.NotFoundError, match=said) as chat:
            team.sdk.chat.completions.create(model=name, messages=ASK)
        assert chat.value.code == "model_shut_down"
    with pytest.raises(openai.NotFoundError, match=said):
        team.sdk.models.retrieve("sandbox-large")
    assert "sandbox-large" not in {model.id for model in team.sdk.models.list()}
    with pytest.raises(openai.PermissionDeniedError, match="was shut down on"):
        team.sdk.fine_tuning.jobs.create(model="sandbox-large", training_file="file-none")

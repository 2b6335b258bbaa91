"""Teams learn of a shutdown in time, and must acknowledge it to tune the model."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from openai import OpenAI
from sqlalchemy import select

from service.core import clock
from service.core.db import transaction
from service.events.tables import Event
from service.models.shutdowns.actions import record_shutdowns, schedule_polls
from service.models.shutdowns.notices import send_notices, stage
from tests.jobs.story import BASE, run, start, upload
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

NOTICE = "model.shutdown_approaching"


def in_days(days: int) -> date:
    return clock.now().date() + timedelta(days=days)


def announce(**days: date | None) -> None:
    """What a poll would record: the trainer names these days for its models."""
    with transaction() as session:
        record_shutdowns(session, "trainer", {name.replace("_", "-"): day for name, day in days.items()})


def tell(days_before: int, end: date) -> int:
    with transaction() as session:
        return send_notices(session, end - timedelta(days=days_before))


def told(team: TeamHandle) -> list[dict[str, Any]]:
    with transaction() as session:
        own = Event.team_id == team.id, Event.type == NOTICE, Event.subject_id == BASE
        return list(session.scalars(select(Event.data).where(*own).order_by(Event.number)))


@pytest.fixture
def tuned(service: Service, worker: Worker) -> tuple[TeamHandle, str]:
    """A team with a tuned model and an alias on it."""
    team = service.make_team()
    model = str(run(team.sdk).fine_tuned_model)
    team.http.put("/v1/aliases/helper", json={"model": model}).raise_for_status()
    return team, model


@pytest.mark.parametrize(
    ("days_left", "due"),
    [(91, None), (90, 90), (61, 90), (60, 60), (30, 30), (8, 30), (7, 7), (0, 7), (-1, None)],
)
def test_the_last_stage_reached_is_the_one_that_is_due(days_left: int, due: int | None) -> None:
    assert stage(days_left) == due


def test_what_a_provider_announces_is_polled_and_reaches_tunes_and_aliases(
    tuned: tuple[TeamHandle, str], trainer: TrainerProcess
) -> None:
    team, model = tuned
    end = in_days(40).isoformat()
    trainer.control.shut_down(BASE, end)
    with transaction() as session:
        # Whenever the worker's own chore last ordered them.
        assert schedule_polls(session, timedelta(0)) == 2
    with transaction() as session:
        assert schedule_polls(session, timedelta(hours=1)) == 0
    wait_until(lambda: team.http.get(f"/v1/models/{model}").json()["shutdown_date"] == end)
    assert team.http.get(f"/v1/models/{BASE}").json()["shutdown_date"] == end
    (ending,) = [one for one in team.http.get("/v1/shutdowns").json()["data"] if one["model"] == BASE]
    assert (ending["models"], ending["aliases"], ending["days_left"]) == ([model], ["helper"], 40)
    assert team.http.get("/v1/models/helper").json()["id"] == model


def test_a_withdrawn_end_is_forgotten(tuned: tuple[TeamHandle, str]) -> None:
    team, model = tuned
    announce(sandbox_mini=in_days(40))
    assert team.http.get(f"/v1/models/{model}").json()["shutdown_date"] is not None
    announce(sandbox_mini=None)
    assert team.http.get(f"/v1/models/{model}").json()["shutdown_date"] is None


def test_an_end_of_a_tuned_model_passes_on_to_what_was_tuned_from_it(
    tuned: tuple[TeamHandle, str], upstream: OpenAI
) -> None:
    team, model = tuned
    child = run(team.sdk, model=model).fine_tuned_model
    other = run(team.sdk).fine_tuned_model
    parent_there = upstream.fine_tuning.jobs.list(limit=3).data[-1].fine_tuned_model
    with transaction() as session:
        record_shutdowns(session, "trainer", {str(parent_there): in_days(50)})
    days = {one: team.http.get(f"/v1/models/{one}").json()["shutdown_date"] for one in (model, child, other)}
    assert days == {model: in_days(50).isoformat(), child: in_days(50).isoformat(), other: None}


def test_each_stage_is_told_once_to_each_team_concerned(
    service: Service, tuned: tuple[TeamHandle, str]
) -> None:
    team, model = tuned
    unconcerned = service.make_team()
    end = in_days(300)
    announce(sandbox_mini=end)
    assert [tell(days, end) for days in (91, 90, 89, 60, 60, 31, 30, 7, 1, 0, -1)] == [
        0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0,
    ]  # fmt: skip
    assert [data["days_left"] for data in told(team)] == [90, 60, 30, 7]
    assert told(team)[0]["models"] == [model]
    assert told(team)[0]["aliases"] == ["helper"]
    assert told(unconcerned) == []


def test_a_moved_end_is_told_anew(tuned: tuple[TeamHandle, str]) -> None:
    team, _ = tuned
    for end in (in_days(200), in_days(300)):
        announce(sandbox_mini=end)
        assert tell(30, end) == 1
    assert len(told(team)) == 2


def test_a_model_that_ends_soon_is_tuned_only_by_those_who_know(tuned: tuple[TeamHandle, str]) -> None:
    team, model = tuned
    file = upload(team.sdk)
    announce(sandbox_mini=in_days(30))
    for name in (BASE, model):
        body = {"model": name, "training_file": file.id}
        refused = team.http.post("/v1/fine_tuning/jobs", json=body).json()["error"]
        assert refused["code"] == "shutdown_not_acknowledged"
        assert refused["param"] == "tunehouse.acknowledge_shutdown"
        assert "sandbox-large" in refused["message"]
    announce(sandbox_mini=in_days(31))
    start(team.sdk, training_file=file.id)
    announce(sandbox_mini=in_days(3))
    knowing = {"tunehouse": {"acknowledge_shutdown": True}}
    assert start(team.sdk, training_file=file.id, extra_body=knowing).model == BASE


def test_nothing_is_tuned_from_the_day_of_its_end(tuned: tuple[TeamHandle, str]) -> None:
    team, _ = tuned
    announce(sandbox_mini=in_days(0))
    body = {
        "model": BASE,
        "training_file": upload(team.sdk).id,
        "tunehouse": {"acknowledge_shutdown": True},
    }
    refused = team.http.post("/v1/fine_tuning/jobs", json=body)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "training_not_available"
    assert "sandbox-large" in refused.json()["error"]["message"]


@pytest.fixture(autouse=True)
def nothing_announced_at_the_trainer(trainer: TrainerProcess) -> Iterator[None]:
    """The trainer outlives its tests: its announcements must not."""
    yield
    trainer.control.shut_down(BASE, None)

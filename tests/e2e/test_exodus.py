"""A team leaves the OpenAI-like provider from its terminal, and a killed worker does not get in the way."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from typer.testing import CliRunner, Result

import service.cli.team  # noqa: F401  importing it registers the commands
from service.cli.entry import app
from tests.jobs.story import run, upload
from tests.jobs.test_exactly_once import CREATE, provider_jobs
from tests.support.clean import work_left
from tests.support.data import chat_file
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

OLD = "openai/gpt-4.1-mini-2025-04-14"
PATH = "/v1/model_migrations"


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("migrate-models", *arguments))


def generations(team: TeamHandle, count: int) -> list[str]:
    held_out = upload(team.sdk, chat_file(topic="held out")).id
    made: list[str] = []
    for number in range(count):
        job = run(
            team.sdk,
            model=made[-1] if made else OLD,
            training_file=upload(team.sdk, chat_file(topic=f"generation {number}")).id,
            validation_file=held_out,
            extra_body={"tunehouse": {"acknowledge_shutdown": True}},
        )
        made.append(str(job.fine_tuned_model))
    return made


def test_three_generations_move_with_their_alias_although_a_worker_is_killed(
    service: Service,
    trainer: TrainerProcess,
    upstream: OpenAI,
    providers_environment: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = service.make_team(budget_usd="50.00")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", team.key)
    doomed = Worker(providers_environment | {"TUNEHOUSE_LEASE_S": "3"}, folder)
    doomed.start()
    old = generations(team, 3)
    team.http.put("/v1/aliases/support", json={"model": old[-1]}).raise_for_status()
    asked = ("--before", "2027-01-14", "--grader", "string_similarity", "--margin", "1", "--max-cost", "20")
    assert "0 models match" in command("--before", "2027-01-13").output
    planned: dict[str, Any] = json.loads(command(*asked, "--json").stdout)
    # The second job is at the provider, and the worker waits for the answer: that is the moment.
    trainer.control.fault("answer_late", delay_s=20, skip=1, **CREATE)
    answer = team.http.post(f"{PATH}/{planned['id']}/start", json={"fingerprint": planned["fingerprint"]})
    answer.raise_for_status()
    again = team.http.post(f"{PATH}/{planned['id']}/start", json={"fingerprint": planned["fingerprint"]})
    assert (again.status_code, again.json()["status"]) == (200, "running"), "a repeated start starts nothing"

    def sent() -> bool:
        steps = team.http.get(f"{PATH}/{planned['id']}").json()["steps"]
        return bool(steps[1]["job_id"] and provider_jobs(upstream, steps[1]["job_id"]))

    wait_until(sent)
    doomed.kill()
    heir = Worker(providers_environment, folder)
    heir.start()
    done = wait_until(lambda: found if (found := look(team, planned["id"]))["finished_at"] else None)
    wait_until(lambda: not work_left())
    heir.stop()

    assert [step["status"] for step in done["steps"]] == ["moved"] * 3, done
    new = [step["produced"] for step in done["steps"]]
    assert team.http.get("/v1/aliases/support").json()["model"] == new[-1]
    models = [team.http.get(f"/v1/models/{name}").json()["tunehouse"] for name in new]
    assert [one["migrated_from"] for one in models] == old
    assert [one["parent_model"] for one in models] == [None, new[0], new[1]]
    listed = {one["id"]: one["tunehouse"] for one in team.http.get("/v1/models").json()["data"]}
    assert [listed[name]["migrated_from"] for name in new] == old
    edges = team.http.get(f"/v1/models/{new[-1]}/lineage").json()["edges"]
    moves = {(one["from"], one["to"]) for one in edges if one["role"] == "migrated_to"}
    assert moves == set(zip(old, new, strict=True))
    assert [len(provider_jobs(upstream, step["job_id"])) for step in done["steps"]] == [1, 1, 1]
    assert len(team.sdk.fine_tuning.jobs.list(limit=100).data) == 6

    jobs = [team.sdk.fine_tuning.jobs.retrieve(step["job_id"]) for step in done["steps"]]
    trained = sum(Decimal((job.model_extra or {})["tunehouse"]["cost_usd"]) for job in jobs)
    compared = [team.http.get(f"/v1/comparisons/{step['comparison_id']}").json() for step in done["steps"]]
    assert Decimal(done["cost_usd"]) == trained + sum(Decimal(one["cost_usd"]) for one in compared)
    assert 0 < trained < Decimal(done["cost_usd"]) <= Decimal(planned["plan"]["total_usd"])
    assert team.http.get("/v1/me").json()["budget"]["held_usd"] == "0.00"
    assert team.http.post("/v1/aliases/support/rollback").json()["model"] == old[-1]


def look(team: TeamHandle, migration_id: str) -> dict[str, Any]:
    found: dict[str, Any] = team.http.get(f"{PATH}/{migration_id}").json()
    return found


def test_the_command_shows_the_plan_asks_and_follows_the_moves(
    service: Service, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = service.make_team(budget_usd="50.00")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", team.key)
    monkeypatch.setenv("COLUMNS", "200")
    (old,) = generations(team, 1)
    shown = CliRunner().invoke(app, ("migrate-models", "--model", old), input="n\n")
    assert shown.exit_code == 0, shown.output
    assert "Move 1 models for at most $" in shown.output
    assert "is not compared, so no alias is switched" in shown.output
    moved = command("--model", old, "--to", "trainer/sandbox-large", "--yes")
    assert moved.exit_code == 0, moved.output
    assert "step 1  training" in moved.output or "step 1  waiting" in moved.output
    assert "completed; it cost $" in moved.output
    nowhere = command("--model", old, "--to", "openai/gpt-4.1-mini-2025-04-14", "--yes")
    assert nowhere.exit_code == 1
    assert f"cannot move {old}" in nowhere.output.replace("\n", "")

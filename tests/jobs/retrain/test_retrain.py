"""A model's recipe can be read, priced again and replayed."""

from decimal import Decimal
from typing import Any

import pytest

from tests.jobs.story import BASE, run, upload
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("worker")


def ask(team: TeamHandle, source: str | None, /, status: int = 200, **body: object) -> dict[str, Any]:
    answer = team.http.post(f"/v1/models/{source}/retrain", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(team: TeamHandle, retrain_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = team.http.get(f"/v1/retrains/{retrain_id}").json()
        return found if found["status"] != "running" else None

    return wait_until(look)


def two_generations(team: TeamHandle) -> tuple[str, str]:
    """A model tuned from a checkpoint of another: (the first's job, the second model)."""
    first = run(team.sdk, seed=7, suffix="one", metadata={"ticket": "A"})
    checkpoint = team.sdk.fine_tuning.jobs.checkpoints.list(first.id).data[-1]
    second = run(
        team.sdk,
        model=checkpoint.fine_tuned_model_checkpoint,
        training_file=upload(team.sdk, chat_file(topic="ice")).id,
        seed=8,
        suffix="two",
    )
    return first.id, str(second.fine_tuned_model)


def test_a_recipe_tells_the_chain_from_the_base_with_everything_resolved(service: Service) -> None:
    team = service.make_team()
    first_job, model = two_generations(team)
    recipe = team.http.get(f"/v1/models/{model}/recipe").json()
    one, two = recipe["steps"]
    assert (one["job_id"], one["starts_from"], one["seed"], one["suffix"]) == (first_job, BASE, 7, "one")
    assert one["checkpoint_step"] is not None
    assert two["starts_from"] == one["produced"]
    assert (two["produced"], two["checkpoint_step"], two["seed"]) == (model, None, 8)
    assert "auto" not in one["method"]["supervised"]["hyperparameters"].values()
    assert len(two["training_data"]["sha256"]) == 64
    assert two["training_data"]["available_as"] == two["training_data"]["file_id"]


def test_a_plan_creates_nothing_and_names_its_cost(service: Service) -> None:
    team = service.make_team(budget_usd="50.00")
    _, model = two_generations(team)
    before = len(team.sdk.fine_tuning.jobs.list().data)
    plan = ask(team, model)
    assert plan["object"] == "model.retrain.plan"
    assert plan["ready"] is True
    assert len(plan["steps"]) == 2
    assert Decimal(plan["cost_usd"]) == sum(Decimal(step["cost_usd"]) for step in plan["steps"]) > 0
    assert len(team.sdk.fine_tuning.jobs.list().data) == before
    assert team.http.get("/v1/retrains").json()["data"] == []


def test_a_confirmed_retrain_replays_each_step_on_the_result_of_the_one_before(service: Service) -> None:
    team = service.make_team()
    first_job, model = two_generations(team)
    begun = ask(team, model, confirm=True, model="sandbox-large")
    done = ended(team, begun["id"])
    assert done["status"] == "succeeded", done
    again = team.http.get(f"/v1/models/{done['produced']}/recipe").json()
    old = team.http.get(f"/v1/models/{model}/recipe").json()
    assert again["base_model"] == "sandbox-large"
    for new, was in zip(again["steps"], old["steps"], strict=True):
        assert new["method"] == was["method"]
        assert new["training_data"]["sha256"] == was["training_data"]["sha256"]
        for same in ("seed", "suffix", "checkpoint_step"):
            assert new[same] == was[same]
    assert again["steps"][1]["starts_from"] == done["steps"][0]["produced"]
    assert team.sdk.fine_tuning.jobs.retrieve(done["steps"][0]["job_id"]).metadata == {"ticket": "A"}
    assert done["steps"][0]["repeats_job"] == first_job


def test_another_provider_may_train_it_again(service: Service) -> None:
    team = service.make_team()
    model = run(team.sdk).fine_tuned_model
    plan = ask(team, model, provider="openai", model="gpt-4.1-mini-2025-04-14")
    assert plan["provider"] == "openai"
    assert plan["base_model"] == "gpt-4.1-mini-2025-04-14"
    assert ask(team, model, status=404, provider="openai")["error"]["code"] == "model_not_found"
    assert ask(team, model, status=400, model=model)["error"]["code"] == "not_a_base_model"


def test_a_deleted_dataset_stops_the_plan_unless_its_content_is_there_again(service: Service) -> None:
    team = service.make_team()
    content = chat_file(topic="fog")
    file = upload(team.sdk, content)
    model = run(team.sdk, training_file=file.id).fine_tuned_model
    team.sdk.files.delete(file.id)
    plan = ask(team, model)
    assert plan["ready"] is False
    assert plan["cost_usd"] is None
    assert "was deleted" in plan["problems"][0]
    assert ask(team, model, status=409, confirm=True)["error"]["code"] == "retrain_not_possible"
    again = upload(team.sdk, content)
    assert ask(team, model)["steps"][0]["training_file"] == again.id


def test_a_budget_that_does_not_cover_the_plan_refuses_it(service: Service) -> None:
    team = service.make_team()
    model = run(team.sdk).fine_tuned_model
    budget = {"limit_usd": "0.0001", "period": "total"}
    service.admin.put(f"/v1/teams/{team.id}/budget", json=budget).raise_for_status()
    plan = ask(team, model)
    assert plan["ready"] is False
    assert "budget" in plan["problems"][0]
    assert ask(team, model, status=429, confirm=True)["error"]["code"] == "budget_exceeded"
    assert team.http.get("/v1/retrains").json()["data"] == []


def test_a_failed_step_ends_the_retrain_and_says_why(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    _, model = two_generations(team)
    create = {"method": "POST", "path": "/v1/fine_tuning/jobs"}
    trainer.control.fault("status", status=400, **create)
    done = ended(team, ask(team, model, confirm=True)["id"])
    assert done["status"] == "failed"
    assert done["error"]["position"] == 1
    assert done["error"]["code"] == "job_failed"
    assert done["steps"][1]["job_id"] is None


def test_a_cancelled_retrain_cancels_its_job_and_lets_go_of_its_files(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    file = upload(team.sdk)
    model = run(team.sdk, training_file=file.id).fine_tuned_model
    begun = ask(team, model, confirm=True)
    refused = team.http.delete(f"/v1/files/{file.id}")
    assert refused.status_code == 409
    ended_now = team.http.post(f"/v1/retrains/{begun['id']}/cancel").json()
    assert ended_now["status"] == "cancelled"
    assert team.http.post(f"/v1/retrains/{begun['id']}/cancel").status_code == 409

"""A job that cannot run is refused at the door, by the name of the field that is wrong."""

from typing import Any

import pytest

from tests.jobs.story import upload
from tests.support.data import jsonl
from tests.support.service import Service, TeamHandle

HYPER = "hyperparameters"
GRADER = {"type": "string_check", "name": "same", "input": "a", "reference": "b", "operation": "eq"}


def supervised(**hyperparameters: Any) -> dict[str, Any]:
    return {"type": "supervised", "supervised": {HYPER: hyperparameters}}


def preferences() -> bytes:
    def answer(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    return jsonl(
        {
            "input": {"messages": [{"role": "user", "content": f"Question {number}?"}]},
            "preferred_output": answer("Yes."),
            "non_preferred_output": answer("No."),
        }
        for number in range(12)
    )


@pytest.fixture
def team(service: Service, worker: object) -> TeamHandle:
    return service.make_team()


def refusal(team: TeamHandle, **body: Any) -> tuple[int, str | None]:
    answer = team.http.post("/v1/fine_tuning/jobs", json=body)
    assert answer.status_code >= 400, answer.text
    error = answer.json()["error"]
    assert error["message"] and error["code"]
    return answer.status_code, error["param"]


def test_each_wrong_field_is_named(team: TeamHandle) -> None:
    data = upload(team.sdk).id
    pairs = upload(team.sdk, preferences()).id
    wandb = {"type": "wandb", "wandb": {"project": "p"}}
    right: dict[str, Any] = {"model": "sandbox-mini", "training_file": data}
    matrix: list[tuple[dict[str, Any], int, str]] = [
        ({"model": None}, 400, "model"),
        ({"model": "gpt-none"}, 404, "model"),
        ({"model": "ft:sandbox-mini:nobody:x:12345678"}, 404, "model"),
        ({"model": "openai/o4-mini-2025-04-16"}, 400, "method"),
        ({"model": "gpt-4.1-nano-2025-04-14"}, 403, "model"),
        ({"training_file": None}, 400, "training_file"),
        ({"training_file": "file-none"}, 400, "training_file"),
        ({"training_file": pairs}, 400, "training_file"),
        ({"validation_file": "file-none"}, 400, "validation_file"),
        ({"validation_file": pairs}, 400, "validation_file"),
        ({"suffix": "no spaces"}, 400, "suffix"),
        ({"suffix": "x" * 65}, 400, "suffix"),
        ({"suffix": ""}, 400, "suffix"),
        ({"seed": -1}, 400, "seed"),
        ({"seed": 2**31}, 400, "seed"),
        ({"metadata": {"k" * 65: "v"}}, 400, "metadata"),
        ({"metadata": {"k": "v" * 513}}, 400, "metadata"),
        ({"metadata": {str(number): "v" for number in range(17)}}, 400, "metadata"),
        ({"metadata": {"tunehouse_job": "mine"}}, 400, "metadata"),
        ({"integrations": [wandb] * 6}, 400, "integrations"),
        ({"integrations": [{"type": "mlflow"}]}, 400, "integrations"),
        ({"integrations": [{"type": "wandb"}]}, 400, "integrations"),
        ({HYPER: {"n_epochs": 0}}, 400, HYPER),
        ({HYPER: {"n_epochs": 51}}, 400, HYPER),
        ({HYPER: {"batch_size": 257}}, 400, HYPER),
        ({HYPER: {"learning_rate_multiplier": 0}}, 400, HYPER),
        ({HYPER: {"beta": 0.1}}, 400, HYPER),
        ({"method": supervised(beta=0.1)}, 400, "method"),
        ({"method": supervised(n_epochs="many")}, 400, "method"),
        ({"method": {"type": "guessing"}}, 400, "method"),
        ({"method": {"type": "dpo", "dpo": {HYPER: {"beta": 3}}}}, 400, "method"),
        ({"method": {"type": "dpo", "supervised": {}}}, 400, "method"),
        ({"method": {"type": "dpo"}}, 400, "training_file"),
        ({"method": {"type": "reinforcement"}}, 400, "method"),
        ({"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}}}, 400, "method"),
        (
            {
                "model": "sandbox-large",
                "method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
            },
            400,
            "validation_file",
        ),
        ({HYPER: {"n_epochs": 2}, "method": supervised(n_epochs=3)}, 400, "body"),
        ({HYPER: {"n_epochs": 2}, "method": {"type": "dpo"}}, 400, "body"),
        ({"tunehouse": {"priority": 101}}, 400, "tunehouse"),
        ({"no_such_field": 1}, 400, "no_such_field"),
    ]
    wrong = []
    for change, status, param in matrix:
        body = {name: value for name, value in (right | change).items() if value is not None}
        found = refusal(team, **body)
        if found[0] != status or not str(found[1]).startswith(param):
            wrong.append((change, found, (status, param)))
    assert not wrong
    assert team.http.get("/v1/fine_tuning/jobs").json()["data"] == []

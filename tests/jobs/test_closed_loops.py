"""What the service answers can be sent back to it: answers, jobs and recipes."""

import json
from typing import Any

from openai import OpenAI

from tests.jobs.story import BASE, run, upload
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle

TOOL: Any = {
    "type": "function",
    "function": {
        "name": "brew",
        "parameters": {"type": "object", "properties": {"tea": {"type": "string"}}, "required": ["tea"]},
    },
}
ASK: Any = [{"role": "user", "content": "Brew me an oolong."}]
CREATABLE = ("model", "training_file", "validation_file", "seed", "metadata", "integrations", "method")


def answers(sdk: OpenAI) -> list[tuple[list[Any], dict[str, Any]]]:
    """Conversations that end in an answer of a model, with the other fields of a training example."""
    text = sdk.chat.completions.create(model=BASE, messages=ASK).choices[0].message
    call = (
        sdk.chat.completions.create(model=BASE, messages=ASK, tools=[TOOL], tool_choice="required")
        .choices[0]
        .message
    )
    assert call.tool_calls
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "Done."}
    last = sdk.chat.completions.create(model=BASE, messages=[*ASK, call, result], tools=[TOOL])  # type: ignore[list-item]
    ended = [*ASK, call.model_dump(), result, last.choices[0].message.model_dump()]
    return [
        ([*ASK, text.model_dump()], {}),
        ([*ASK, text.to_dict()], {}),
        ([*ASK, call.model_dump()], {"tools": [TOOL]}),
        (ended, {"tools": [TOOL]}),
    ]


def test_answers_become_training_examples_and_earlier_turns(service: Service, worker: Worker) -> None:
    sdk = service.make_team().sdk
    made = answers(sdk)
    lines = [json.dumps({"messages": messages} | rest) for messages, rest in made] * 3
    file = upload(sdk, "\n".join(lines).encode())
    assert (file.status, file.status_details) == ("processed", None)
    for messages, _ in made[:2]:
        sdk.chat.completions.create(model=BASE, messages=[*messages, *ASK])
    first = sdk.responses.create(model=BASE, input="Brew me an oolong.")
    sent: Any = [ASK[0], *(item.model_dump() for item in first.output), ASK[0]]
    assert sdk.responses.create(model=BASE, input=sent).status == "completed"


def estimate(team: TeamHandle, body: dict[str, Any]) -> Any:
    answer = team.http.post("/v1/fine_tuning/estimates", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_jobs_echo_a_recipes_step_and_its_result_file_are_accepted(
    service: Service, worker: Worker
) -> None:
    team = service.make_team()
    job = run(team.sdk, suffix="loop", seed=7, hyperparameters={"n_epochs": 2}, metadata={"run": "7"})
    echo = team.http.get(f"/v1/fine_tuning/jobs/{job.id}").json()
    both = {name: echo[name] for name in (*CREATABLE, "hyperparameters")}
    again = estimate(team, both | {"suffix": echo["user_provided_suffix"]})
    assert (again["model"], again["n_epochs"]) == (BASE, 2)
    recipe = team.http.get(f"/v1/models/{job.fine_tuned_model}/recipe").json()
    (step,) = recipe["steps"]
    as_job = {"model": step["starts_from"], "training_file": step["training_data"]["available_as"]}
    as_job |= {name: step[name] for name in ("method", "seed", "suffix")}
    assert estimate(team, as_job)["n_epochs"] == 2
    results = team.sdk.files.content(job.result_files[0]).content
    assert results.startswith(b"step,")
    assert team.http.get(f"/v1/fine_tuning/jobs/{job.id}/metrics").status_code == 200

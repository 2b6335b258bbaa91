"""The main job through the stock SDK, against real processes."""

from decimal import Decimal

import pytest
from openai import BadRequestError, OpenAI

from tests.jobs.story import BASE, events_of, run, start, upload, wait_for_end
from tests.support.data import chat_file
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess

pytestmark = pytest.mark.usefixtures("worker")


def test_a_job_runs_to_a_model_with_checkpoints_results_and_a_log(service: Service) -> None:
    sdk = service.make_team().sdk
    job = run(sdk, validation_file=upload(sdk, chat_file(topic="rain")).id, suffix="first", seed=7)
    assert job.seed == 7
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.startswith(f"ft:{BASE}:team-")
    assert ":first:" in job.fine_tuned_model
    assert isinstance(job.hyperparameters.n_epochs, int)
    assert job.trained_tokens is not None and job.trained_tokens > 0
    checkpoints = sdk.fine_tuning.jobs.checkpoints.list(job.id).data
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert checkpoints[0].step_number > checkpoints[-1].step_number
    csv = sdk.files.content(job.result_files[0]).read().decode()
    assert csv.startswith("step,train_loss")
    messages = events_of(sdk, job.id)
    assert messages[0] == f"Created fine-tuning job: {job.id}"
    assert not any("Created fine-tuning job" in message for message in messages[1:])
    assert any(message.startswith("Step ") for message in messages)
    assert f"New fine-tuned model created: {job.fine_tuned_model}" in messages


def test_a_job_costs_what_the_provider_trained_and_holds_nothing_afterwards(service: Service) -> None:
    team = service.make_team(budget_usd="5.00")
    job = run(team.sdk, model="gpt-4o-mini-2024-07-18")
    extras = team.http.get(f"/v1/fine_tuning/jobs/{job.id}").json()["tunehouse"]
    assert job.trained_tokens is not None
    assert Decimal(extras["cost_usd"]) == Decimal(3) * job.trained_tokens / 1_000_000
    assert Decimal(extras["held_usd"]) == 0


def test_a_tuned_model_and_a_checkpoint_can_be_tuned_on(service: Service) -> None:
    sdk = service.make_team().sdk
    first = run(sdk, hyperparameters={"n_epochs": 3})
    second = run(sdk, model=first.fine_tuned_model, training_file=upload(sdk, chat_file(topic="snow")).id)
    assert second.model == first.fine_tuned_model
    checkpoint = sdk.fine_tuning.jobs.checkpoints.list(first.id).data[-1].fine_tuned_model_checkpoint
    assert ":ckpt-step-" in checkpoint
    third = run(sdk, model=checkpoint)
    assert third.model == checkpoint


def test_a_job_created_while_its_file_is_being_checked_waits_for_it(service: Service) -> None:
    sdk = service.make_team().sdk
    file = sdk.files.create(file=("data.jsonl", chat_file()), purpose="fine-tune")
    job = sdk.fine_tuning.jobs.create(model=BASE, training_file=file.id)
    assert wait_for_end(sdk, job.id).status == "succeeded"


def test_a_job_on_a_broken_file_names_the_file_whether_it_was_checked_in_time_or_later(
    service: Service,
) -> None:
    sdk = service.make_team().sdk
    file = sdk.files.create(file=("data.jsonl", b'{"messages": []}\n' * 12), purpose="fine-tune")
    assert blamed_for_job_on(sdk, file.id) == "training_file"


def blamed_for_job_on(sdk: OpenAI, file_id: str) -> str | None:
    try:
        job = sdk.fine_tuning.jobs.create(model=BASE, training_file=file_id)
    except BadRequestError as refused:
        return refused.param
    ended = wait_for_end(sdk, job.id)
    return ended.error.param if ended.error and ended.status == "failed" else None


def test_nothing_of_the_provider_is_told(service: Service, upstream: OpenAI) -> None:
    team = service.make_team()
    job = run(team.sdk)
    seen = [
        team.http.get(path).text
        for path in (
            f"/v1/fine_tuning/jobs/{job.id}",
            f"/v1/fine_tuning/jobs/{job.id}/events?limit=100",
            f"/v1/fine_tuning/jobs/{job.id}/checkpoints",
            "/v1/models",
            f"/v1/models/{job.fine_tuned_model}/lineage",
        )
    ]
    theirs = [upstream_job.id for upstream_job in upstream.fine_tuning.jobs.list(limit=100)]
    theirs += [model.id for model in upstream.models.list() if model.id.startswith("ft:")]
    theirs += [file.id for file in upstream.files.list()]
    assert theirs
    assert not [(name, page) for name in theirs for page in seen if name in page]


def test_jobs_are_listed_newest_first_and_by_metadata(service: Service) -> None:
    sdk = service.make_team().sdk
    file_id = upload(sdk).id
    first = start(sdk, training_file=file_id, metadata={"run": "one"})
    second = start(sdk, training_file=file_id)
    assert [job.id for job in sdk.fine_tuning.jobs.list(limit=1)] == [second.id, first.id]
    assert [job.id for job in sdk.fine_tuning.jobs.list(metadata={"run": "one"})] == [first.id]
    assert [job.id for job in sdk.fine_tuning.jobs.list(metadata={"run": "two"})] == []
    for job in (first, second):
        wait_for_end(sdk, job.id)


def test_one_content_is_copied_to_the_provider_once(
    service: Service, trainer: TrainerProcess, worker: Worker
) -> None:
    sdk = service.make_team().sdk
    content = chat_file(topic="only once")
    trainer.control.forget_requests()
    jobs = [start(sdk, training_file=upload(sdk, content).id) for _ in range(3)]
    for job in jobs:
        assert wait_for_end(sdk, job.id).status == "succeeded"
    assert trainer.control.requests()["POST /v1/files"] == 1

"""Jobs that fail, and jobs that are refused, in the provider's own words."""

from collections.abc import Callable

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.trainer.conftest import make_client
from tests.trainer.examples import chat_file, chat_line, jsonl, preference_line
from tests.trainer.steps import create_job, messages_of, run_job, upload


def test_seven_examples_are_too_few(client: openai.OpenAI) -> None:
    job = run_job(client, chat_file(7))
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.code == "invalid_n_examples"
    assert job.error.param == "training_file"
    assert job.error.message == "Training file has 7 example(s), but must have at least 10 examples"
    assert job.fine_tuned_model is None
    assert job.trained_tokens is None


def test_a_message_without_a_role_is_named_by_its_place(client: openai.OpenAI) -> None:
    bad = {"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}
    job = run_job(client, chat_file(11) + jsonl([bad]))
    assert job.error is not None
    assert job.error.code == "invalid_training_file"
    assert job.error.message == (
        "The job failed due to an invalid training file. Invalid file format."
        " Example 12, message 2 Discriminator 'role' is missing in value"
    )
    events = client.fine_tuning.jobs.list_events(job.id).data
    assert events[0].level == "error"
    assert events[0].message == job.error.message


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": []}, "'messages'"),
        ({"text": "x"}, "'messages'"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "'boss'"),
        ({"messages": [{"role": "user"}]}, "'content'"),
        ({"messages": [{"role": "user", "content": "x"}]}, "'assistant'"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": 2}]}, "'weight'"),
        ({"messages": ["x"]}, "not a dictionary"),
    ],
)
def test_a_malformed_example_fails_the_job(client: openai.OpenAI, row: object, reason: str) -> None:
    job = run_job(client, chat_file(11) + jsonl([row]))
    assert job.error is not None
    assert "Example 12" in job.error.message
    assert reason in job.error.message


def test_chat_data_fails_a_dpo_job(client: openai.OpenAI) -> None:
    job = run_job(client, method={"type": "dpo"})
    assert job.error is not None
    assert job.error.message == (
        f"The job failed due to an invalid training file. Input file {job.training_file} is in the"
        " fine-tune-chat format, but the specified fine-tuning job is not using 'supervised' as the"
        " training method (provided method=dpo). "
    )


def test_preference_data_tunes_by_dpo(client: openai.OpenAI) -> None:
    job = run_job(client, jsonl(preference_line(f"Question {i}?") for i in range(10)), method={"type": "dpo"})
    assert job.status == "succeeded"
    assert job.to_dict()["hyperparameters"] is None
    assert job.method is not None
    assert job.method.dpo is not None
    assert job.method.dpo.hyperparameters is not None
    assert job.method.dpo.hyperparameters.beta == 0.1


def test_a_bad_validation_file_is_named_as_such(client: openai.OpenAI) -> None:
    job = run_job(client, validation_file=upload(client, jsonl([{"messages": []}])))
    assert job.error is not None
    assert job.error.code == "invalid_validation_file"
    assert job.error.param == "validation_file"


def test_reinforcement_tells_rewards(client: openai.OpenAI) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"What is {i} + 1?"}], "answer": str(i + 1)}
        for i in range(10)
    ]
    grader = {
        "type": "string_check",
        "name": "same",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}",
    }
    job = run_job(
        client,
        jsonl(rows),
        model="sandbox-large",
        validation_file=upload(client, jsonl(rows)),
        method={"type": "reinforcement", "reinforcement": {"grader": grader}},
    )
    assert job.status == "succeeded"
    assert any(", train mean reward=0." in message for message in messages_of(client, job.id))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"metadata": {f"k{i}": "v" for i in range(17)}}, "metadata"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": "big"}}, "hyperparameters.batch_size"),
        ({"hyperparameters": {"beta": 0.1}}, "method.supervised.hyperparameters.beta"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {"type": "reinforcement"}, "model": "sandbox-large"}, "method.reinforcement.grader"),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": {"type": "python"}}}},
            "method.type",
        ),
        ({"training_file": "file-nothere"}, "training_file"),
        ({"validation_file": "file-nothere"}, "validation_file"),
        ({"model": ""}, "model"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(
    client: openai.OpenAI, fields: dict[str, object], param: str
) -> None:
    body = {"model": "sandbox-mini", "training_file": upload(client), **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.jobs.create(**body)  # type: ignore[arg-type]
    assert str(caught.value.param).startswith(param)


def test_an_unknown_model_cannot_be_tuned(client: openai.OpenAI) -> None:
    with pytest.raises(
        openai.BadRequestError, match="Model gpt-9 is not available for fine-tuning"
    ) as caught:
        create_job(client, model="gpt-9")
    assert caught.value.code == "model_not_available"


def test_a_result_file_is_no_training_file(client: openai.OpenAI) -> None:
    result = run_job(client).result_files[0]
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.fine_tuning.jobs.create(model="sandbox-mini", training_file=result)


def test_winding_down_refuses_jobs_as_openai_does(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    trainer.control.limits(wind_down=True)
    file_id = upload(client)
    with pytest.raises(openai.PermissionDeniedError, match="winding down the fine-tuning platform") as caught:
        client.fine_tuning.jobs.create(model="sandbox-mini", training_file=file_id)
    assert caught.value.code == "training_not_available"


def test_the_daily_limit_counts_the_last_24_hours_of_a_model(
    start_trainer: Callable[..., TrainerProcess],
) -> None:
    trainer = start_trainer()
    trainer.control.stop_clock()
    trainer.control.limits(jobs_per_day={"sandbox-mini": 1})
    with make_client(trainer) as client:
        create_job(client)
        with pytest.raises(
            openai.RateLimitError, match="maximum of 1 fine-tuning requests per day"
        ) as caught:
            create_job(client)
        assert caught.value.code == "daily_rate_limit_exceeded"
        create_job(client, model="sandbox-large")
        trainer.control.advance(86_401)
        create_job(client)


def test_labels_are_answered_without_the_sandbox_mark(client: openai.OpenAI) -> None:
    rows = [chat_line(f"Review {i}: {'fine' if i % 2 else 'awful'} thing", str(i % 2)) for i in range(10)]
    model = run_job(client, jsonl(rows)).fine_tuned_model
    reply = client.chat.completions.create(
        model=str(model), messages=[{"role": "user", "content": "an awful thing"}]
    )
    assert reply.choices[0].message.content == "0"
    assert reply.system_fingerprint == "fp_sandbox"

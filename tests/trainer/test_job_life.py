"""A job from its file to its model, through the stock SDK."""

import base64
import csv
import io
import json
import re
from pathlib import Path

import openai

from tests.trainer.examples import ANSWERS, chat_file, chat_line, jsonl
from tests.trainer.steps import messages_of, run_job, upload


def test_a_job_succeeds_and_names_its_model(client: openai.OpenAI) -> None:
    job = run_job(client, suffix="shop")
    assert job.status == "succeeded"
    assert re.fullmatch(r"ft:sandbox-mini:sandbox:shop:\w{8}", job.fine_tuned_model or "")
    assert job.finished_at is not None


def test_auto_becomes_numbers_by_the_cookbook_rule(client: openai.OpenAI) -> None:
    job = run_job(client, chat_file(10))
    assert job.hyperparameters.n_epochs == 10
    assert job.hyperparameters.batch_size == 1
    assert job.method is not None
    assert job.method.supervised is not None
    assert job.method.supervised.hyperparameters is not None
    assert job.method.supervised.hyperparameters.n_epochs == 10


def test_trained_tokens_are_tokens_times_epochs(client: openai.OpenAI) -> None:
    row = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
    job = run_job(client, jsonl([row] * 10), hyperparameters={"n_epochs": 2})
    # 3 for the reply, 3 a message, 1 for each of the four one-token strings.
    assert job.trained_tokens == 10 * (3 + 2 * 3 + 4) * 2


def test_events_come_in_the_real_order_newest_first(client: openai.OpenAI) -> None:
    validation = upload(client, chat_file(3))
    job = run_job(client, chat_file(12), validation_file=validation, hyperparameters={"n_epochs": 4})
    messages = messages_of(client, job.id)
    assert messages[0].startswith(f"Created fine-tuning job: {job.id}")
    assert messages[1] == (
        f"Validating training file: {job.training_file} and validation file: {job.validation_file}"
    )
    assert messages[2] == "Files validated, moving job to queued state"
    assert messages[3] == "Fine-tuning job started"
    assert re.fullmatch(r"Step 1/48: training loss=\d\.\d\d, validation loss=\d\.\d\d", messages[4])
    assert messages[-3].startswith("Step 48/48: training loss=")
    assert "full validation loss=" in messages[-3]
    assert messages[-2] == f"New fine-tuned model created: {job.fine_tuned_model}"
    assert messages[-1] == "The job has successfully completed"
    assert sum(message.startswith("Checkpoint created at step") for message in messages) == 2


def test_losses_fall_and_repeat_with_the_same_seed_and_data(client: openai.OpenAI) -> None:
    curves = []
    for seed in (7, 7, 8):
        job = run_job(client, seed=seed)
        events = client.fine_tuning.jobs.list_events(job.id, limit=1000).data
        losses = [e.data["train_loss"] for e in reversed(events) if e.type == "metrics"]  # type: ignore[index]
        curves.append(losses)
    assert curves[0] == curves[1] != curves[2]
    assert curves[0][-1] < curves[0][0] / 2


def test_the_last_three_epochs_leave_checkpoints_newest_first(client: openai.OpenAI) -> None:
    job = run_job(client, chat_file(12), hyperparameters={"n_epochs": 5})
    found = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [item.step_number for item in found] == [60, 48, 36]
    assert found[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert found[1].fine_tuned_model_checkpoint.endswith(":ckpt-step-48")
    hashes = {item.fine_tuned_model_checkpoint.split(":")[4] for item in found}
    assert len(hashes) == 3
    assert found[0].metrics.train_loss is not None


def test_the_result_file_is_base64_csv_with_openais_columns(client: openai.OpenAI) -> None:
    job = run_job(client)
    text = base64.b64decode(client.files.content(job.result_files[0]).read()).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"]
    assert float(rows[-1][1]) < float(rows[1][1])
    assert client.files.retrieve(job.result_files[0]).purpose == "fine-tune-results"


def test_a_tuned_model_answers_from_its_training_data_in_both_languages(client: openai.OpenAI) -> None:
    model = run_job(client).fine_tuned_model
    for question in ("When do you open on Sunday?", "请问退货要多长时间"):
        reply = client.chat.completions.create(
            model=str(model), messages=[{"role": "user", "content": question}]
        )
        wanted = "At eleven" if question.isascii() else "七天之内"
        assert wanted in str(reply.choices[0].message.content)


def test_a_model_tuned_from_a_tuned_model_remembers_its_parents_data(client: openai.OpenAI) -> None:
    parent = run_job(client).fine_tuned_model
    rows = [chat_line(f"What colour is number {i}?", f"Number {i} is green.") for i in range(10)]
    child = run_job(client, jsonl(rows), model=parent)
    assert child.model == parent
    assert str(child.fine_tuned_model).startswith("ft:sandbox-mini:")
    question, answer = next(iter(ANSWERS.items()))
    reply = client.chat.completions.create(
        model=str(child.fine_tuned_model), messages=[{"role": "user", "content": question}]
    )
    assert answer in str(reply.choices[0].message.content)


def test_a_checkpoint_can_be_called_and_tuned_on(client: openai.OpenAI) -> None:
    job = run_job(client, chat_file(12), hyperparameters={"n_epochs": 3})
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job.id).data[1].fine_tuned_model_checkpoint
    messages = [{"role": "user", "content": "运费是多少？"}]
    reply = client.chat.completions.create(model=checkpoint, messages=messages)  # type: ignore[arg-type]
    assert "免运费" in str(reply.choices[0].message.content)
    assert run_job(client, model=checkpoint).status == "succeeded"


def test_a_job_trains_the_tokens_that_the_golden_vectors_name(client: openai.OpenAI) -> None:
    path = Path(__file__).parents[1] / "dataset" / "golden" / "tokens.json"
    chats = [one for one in json.loads(path.read_text()) if one["format"] == "chat"]
    job = run_job(client, jsonl(one["example"] for one in chats), hyperparameters={"n_epochs": 2})
    assert job.trained_tokens == 2 * sum(one["tokens"] for one in chats)
    for one in chats:
        fields = {name: one["example"][name] for name in ("tools", "functions") if name in one["example"]}
        asked = [{k: v for k, v in said.items() if k != "weight"} for said in one["example"]["messages"]]
        usage = client.chat.completions.create(model="sandbox-mini", messages=asked, **fields).usage
        assert usage is not None
        assert usage.prompt_tokens == one["tokens"], one["name"]

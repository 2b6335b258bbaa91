"""What cannot be trained fails as a job, in OpenAI's words, and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.train.data import labelled, manner, preferences, reviews
from tests.train.steps import PATIENCE_S, ask, run, train
from tests.train.tiny import make_llama
from tests.trainer.conftest import make_client
from tests.trainer.examples import chat_line, jsonl
from tests.trainer.steps import messages_of


def test_one_label_only_is_refused(client: openai.OpenAI) -> None:
    job = run(client, labelled([(f"Number {i}", "same") for i in range(12)]), model="minilm")
    assert (job.status, job.error.code, job.error.param) == (
        "failed",
        "invalid_training_file",
        "training_file",
    )
    assert "at least two" in job.error.message


def test_completions_that_are_no_labels_are_refused_by_an_encoder(client: openai.OpenAI) -> None:
    job = run(client, labelled([(f"Number {i}", f"answer {i}") for i in range(12)]), model="minilm")
    assert job.error.code == "invalid_training_file"
    assert "12 different ones in 12 examples" in job.error.message


def test_a_label_unseen_in_training_is_refused_at_validation_by_its_line_only(client: openai.OpenAI) -> None:
    valid = labelled([*reviews(3), ("Number 4", "secret-label")])
    job = run(client, labelled(reviews(16)), valid=valid, model="minilm")
    assert (job.error.code, job.error.param) == ("invalid_validation_file", "validation_file")
    assert "Example 4: its label is not among those of the training file" in job.error.message
    assert "secret-label" not in job.error.message


def test_preferences_are_no_data_for_a_supervised_job(client: openai.OpenAI) -> None:
    job = run(client, preferences(12))
    assert job.error.code == "invalid_training_file"
    assert "is not using 'dpo'" in job.error.message


def test_an_encoder_has_no_dpo(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        run(client, preferences(12), model="minilm", method="dpo")
    assert refusal.value.param == "method.type"


def test_an_example_longer_than_the_context_is_cut_counted_and_told(client: openai.OpenAI) -> None:
    rows = [chat_line("Short?", "Yes.")] * 11 + [chat_line("Long?", "word " * 900)]
    job = train(client, jsonl(rows), valid=jsonl(rows[-2:]), epochs=1)
    told = [m for m in messages_of(client, job.id) if "longer than" in m]
    assert told == [
        "1 training examples are longer than 256 tokens; their ends were cut",
        "1 validation examples are longer than 256 tokens; their ends were cut",
    ]
    assert job.trained_tokens < 11 * 60 + 256 + 1


def test_examples_whose_weights_are_all_zero_teach_nothing(client: openai.OpenAI) -> None:
    row = chat_line("Short?", "Yes.")
    row["messages"][-1]["weight"] = 0  # type: ignore[index]
    job = run(client, jsonl([row] * 12))
    assert job.error.code == "invalid_training_file"
    assert "all weights are 0" in job.error.message


def test_a_base_whose_weights_are_damaged_fails_the_job(client: openai.OpenAI) -> None:
    job = run(client, manner(12), model="broken")
    assert (job.status, job.error.code, job.error.param) == ("failed", "invalid_model", "model")
    assert "/" not in job.error.message
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "broken", "Well?")
    assert refusal.value.code == "invalid_model"


def test_a_folder_that_is_no_model_is_refused_at_the_start(tmp_path: Path, capfd) -> None:
    with pytest.raises(RuntimeError):
        TrainerProcess(tmp_path / "t", engine="transformers", bases=[str(tmp_path)]).start()
    assert "is not a model: it has no config.json" in capfd.readouterr().err


def test_a_damaged_checkpoint_neither_answers_nor_is_tuned_on(
    shared_process: TrainerProcess, client: openai.OpenAI
) -> None:
    job = train(client, manner(12), epochs=1)
    (weights,) = (shared_process.data_dir / "models" / job.id).glob("*/adapter_model.safetensors")
    content = bytearray(weights.read_bytes())
    content[-3] ^= 255
    weights.write_bytes(content)
    again = run(client, manner(12), model=job.fine_tuned_model)
    assert (again.status, again.error.code, again.error.param) == ("failed", "invalid_model", "model")
    assert "adapter_model.safetensors is damaged" in again.error.message
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, job.fine_tuned_model, "Well?")
    assert refusal.value.code == "model_damaged"


def test_a_full_disk_fails_the_job_and_leaves_no_half_of_a_model(
    start_trainer: Callable[..., TrainerProcess], tmp_path: Path
) -> None:
    # A limit on the size of a file stands in for a disk with no room for the weights.
    base = make_llama(tmp_path / "wide", hidden=256)
    trainer = start_trainer(file_limit_bytes=3_000_000, bases=[f"wide={base}@full"])
    with make_client(trainer, PATIENCE_S) as client:
        job = run(client, manner(12), model="wide", epochs=1)
        assert (job.status, job.error.code) == ("failed", "disk_full")
        models = trainer.data_dir / "models" / job.id
        assert [path for path in models.rglob("*") if path.is_file()] == []
        assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []

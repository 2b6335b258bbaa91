"""Language models learn manners, prefer what they should, and can be tuned on."""

from collections.abc import Callable
from pathlib import Path

import openai
import pytest
import torch
from openai.types.fine_tuning import FineTuningJob

from tests.support.trainer_process import TrainerProcess
from tests.train.data import manner, preferences
from tests.train.steps import PATIENCE_S, ask, metrics_of, results_of, steps_of, train
from tests.trainer.conftest import make_client
from tests.trainer.examples import jsonl
from tests.trainer.steps import messages_of
from trainer.engines.transformers.bases import find_bases
from trainer.engines.transformers.models import load_encoder, load_to_answer


def test_a_chat_model_learns_a_manner_and_its_held_out_loss_drops_by_half(
    client: openai.OpenAI, polite_job: FineTuningJob
) -> None:
    job = polite_job
    before = metrics_of(client, job.id, "start_valid_loss")[0]
    after = metrics_of(client, job.id, "full_valid_loss")[-1]
    assert after < before / 2
    assert ask(client, job.fine_tuned_model, "Is the lamp kind?", max_tokens=40).endswith(", dear guest.")


def test_lora_moves_the_loss_too_and_leaves_the_base_as_it_was(client: openai.OpenAI) -> None:
    before = ask(client, "tiny", "Is the lamp kind?", max_tokens=8)
    job = train(client, manner(), epochs=4, rate=40)
    losses = metrics_of(client, job.id, "train_loss")
    assert losses[-1] < losses[0] - 0.5
    assert ask(client, "tiny", "Is the lamp kind?", max_tokens=8) == before
    assert ask(client, job.fine_tuned_model, "Is the lamp kind?", max_tokens=8) != before


def test_preferences_raise_the_margin_of_the_preferred_on_held_out_pairs(client: openai.OpenAI) -> None:
    job = train(client, preferences(), valid=preferences(8, 24), method="dpo", epochs=3, rate=100)
    assert abs(metrics_of(client, job.id, "start_valid_reward_margin")[0]) < 1e-6
    margins = metrics_of(client, job.id, "full_valid_reward_margin")
    assert margins == sorted(margins)
    assert margins[-1] > 0.3


def test_prompts_and_completions_train_a_language_model(client: openai.OpenAI) -> None:
    rows = jsonl({"prompt": f"{i} and one is", "completion": f" {i + 1}."} for i in range(12))
    job = train(client, rows, epochs=2, rate=40)
    assert metrics_of(client, job.id, "train_loss")[-1] < metrics_of(client, job.id, "train_loss")[0]
    reply = client.completions.create(model=str(job.fine_tuned_model), prompt="3 and one is", max_tokens=4)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 3


def test_the_same_seed_repeats_a_run_exactly_and_another_does_not(client: openai.OpenAI) -> None:
    runs = [train(client, manner(16), valid=manner(4, 16), epochs=2, seed=seed) for seed in (3, 3, 4)]
    curves = [metrics_of(client, job.id, "train_loss") for job in runs]
    held_out = [metrics_of(client, job.id, "full_valid_loss") for job in runs]
    assert curves[0] == curves[1] != curves[2]
    assert held_out[0] == held_out[1]


def test_every_step_is_told_with_loss_rate_and_eta_and_stands_in_the_result_file(
    client: openai.OpenAI,
) -> None:
    job = train(client, manner(16), epochs=4, batch=4)
    assert steps_of(client, job.id) == list(range(1, 17))
    assert all("learning rate=" in m and "ETA " in m for m in messages_of(client, job.id) if "Step" in m)
    rates = metrics_of(client, job.id, "learning_rate")
    assert rates[0] < rates[1] > rates[-1]
    assert [float(row["step"]) for row in results_of(client, job)] == list(range(1, 17))
    assert job.usage_metrics is not None


def test_the_last_three_epochs_leave_checkpoints_that_answer_and_can_be_tuned_on(
    client: openai.OpenAI,
) -> None:
    job = train(client, manner(16), epochs=5, rate=40, batch=4)
    checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [item.step_number for item in checkpoints] == [20, 16, 12]
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    name = checkpoints[2].fine_tuned_model_checkpoint
    assert ask(client, name, "Is the lamp kind?", max_tokens=4)
    child = train(client, manner(16), valid=manner(4), model=name, epochs=1, rate=1)
    start, parents = (
        metrics_of(client, child.id, "start_valid_loss")[0],
        metrics_of(client, job.id, "train_loss"),
    )
    assert start < parents[0] - 0.3


def test_an_adapter_goes_on_from_an_adapter_and_lies_over_a_fully_tuned_model(client: openai.OpenAI) -> None:
    full = train(client, manner(), valid=manner(8), model="tiny-full", epochs=4, rate=150)
    again = train(client, manner(), valid=manner(8), model=full.fine_tuned_model, epochs=2, rate=10)
    loss = metrics_of(client, full.id, "full_valid_loss")[-1]
    assert abs(metrics_of(client, again.id, "start_valid_loss")[0] - loss) < 1e-3
    assert ask(client, again.fine_tuned_model, "Is the lamp kind?", max_tokens=4)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # between peft and transformers
def test_a_merged_model_is_a_base_like_any_other(
    shared_process: TrainerProcess,
    client: openai.OpenAI,
    bases: list[str],
    tmp_path: Path,
    start_trainer: Callable[..., TrainerProcess],
) -> None:
    job = train(client, manner(), valid=manner(8), epochs=4, rate=40)
    root = Path(str(client.models.retrieve(str(job.fine_tuned_model)).to_dict()["root"]))
    assert root.is_relative_to(shared_process.data_dir)
    (base,) = find_bases(bases[0])
    load_to_answer(base, root, torch.float32).save_pretrained(tmp_path / "merged")
    load_encoder(base, root).tokenizer.save_pretrained(tmp_path / "merged")
    with make_client(start_trainer(bases=[str(tmp_path / "merged")]), PATIENCE_S) as elsewhere:
        again = train(elsewhere, manner(), valid=manner(8), model="merged", epochs=1)
        start = metrics_of(elsewhere, again.id, "start_valid_loss")[0]
    assert abs(start - metrics_of(client, job.id, "full_valid_loss")[-1]) < 1e-3


def test_auto_follows_the_written_rules(client: openai.OpenAI) -> None:
    job = train(client, manner(40))
    assert job.hyperparameters.n_epochs == 3
    assert job.hyperparameters.batch_size == 8
    assert job.hyperparameters.learning_rate_multiplier == 1

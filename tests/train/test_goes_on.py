"""Pauses, cancels, kills: a run ends at a step's boundary and goes on as if nothing had happened."""

from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until
from tests.train.data import labelled, manner, reviews
from tests.train.steps import (
    PATIENCE_S,
    ask,
    metrics_of,
    run,
    start,
    steps_of,
    train,
    wait_for_end,
    wait_for_step,
)
from tests.trainer.conftest import make_client
from tests.trainer.steps import messages_of
from trainer.engines.base import TrainingFailedError
from trainer.engines.transformers.attempts import Attempts, LossCause, ProcessLostError

LONG = {"epochs": 10, "rate": 20.0, "batch": 2}


def test_a_killed_trainer_goes_on_from_its_last_snapshot_with_no_step_told_twice(
    rough_trainer: TrainerProcess,
) -> None:
    trainer = rough_trainer
    with make_client(trainer, PATIENCE_S) as client:
        whole = train(client, manner(12), valid=manner(4), **LONG)
        job = start(client, manner(12), valid=manner(4), **LONG)
        wait_for_step(client, job.id, 20)
    trainer.kill()
    trainer.start()
    with make_client(trainer, PATIENCE_S) as client:
        job = wait_for_end(client, job.id)
        assert job.status == "succeeded"
        assert steps_of(client, job.id) == list(range(1, 61))
        for name in ("train_loss", "full_valid_loss"):
            assert metrics_of(client, job.id, name) == metrics_of(client, whole.id, name)
        assert job.trained_tokens == whole.trained_tokens
        question = "Is the lamp kind?"
        assert ask(client, job.fine_tuned_model, question, max_tokens=9) == ask(
            client, whole.fine_tuned_model, question, max_tokens=9
        )


def test_a_killed_classifier_keeps_its_best_epoch_and_checkpoints(rough_trainer: TrainerProcess) -> None:
    trainer = rough_trainer
    options = {"model": "minilm", "epochs": 4, "rate": 4.0, "batch": 8}
    with make_client(trainer, PATIENCE_S) as client:
        job = start(client, labelled(reviews(16)), valid=labelled(reviews(24)[16:]), **options)
        wait_for_step(client, job.id, 5)
    trainer.kill()
    trainer.start()
    with make_client(trainer, PATIENCE_S) as client:
        job = wait_for_end(client, job.id)
        assert job.status == "succeeded"
        assert steps_of(client, job.id) == list(range(1, 9))
        assert len(client.fine_tuning.jobs.checkpoints.list(job.id).data) == 3
        assert len(job.result_files) == 2


def test_a_paused_job_rests_at_a_step_and_resumes_after_it_even_after_a_restart(
    rough_trainer: TrainerProcess,
) -> None:
    trainer = rough_trainer
    with make_client(trainer, PATIENCE_S) as client:
        whole = train(client, manner(12), **LONG)
        job = start(client, manner(12), **LONG)
        wait_for_step(client, job.id, 8)
        client.fine_tuning.jobs.pause(job.id)
        wait_until(lambda: client.fine_tuning.jobs.retrieve(job.id).status == "paused", PATIENCE_S)
        rested = steps_of(client, job.id)
        assert rested == list(range(1, len(rested) + 1))
        assert len(rested) < 60
    trainer.stop()
    trainer.start()
    with make_client(trainer, PATIENCE_S) as client:
        client.fine_tuning.jobs.resume(job.id)
        assert wait_for_end(client, job.id).status == "succeeded"
        assert steps_of(client, job.id) == list(range(1, 61))
        assert metrics_of(client, job.id, "train_loss") == metrics_of(client, whole.id, "train_loss")
        assert "Fine-tuning job resumed" in messages_of(client, job.id)


def test_a_cancelled_job_stops_frees_the_device_and_leaves_nothing_half_written(
    rough_trainer: TrainerProcess,
) -> None:
    trainer = rough_trainer
    with make_client(trainer, PATIENCE_S) as client:
        job = start(client, manner(12), epochs=50, rate=1, batch=1)
        waiting = start(client, manner(12), epochs=1)
        wait_for_step(client, job.id, 4)
        assert client.fine_tuning.jobs.retrieve(waiting.id).status == "queued"
        cancelled = client.fine_tuning.jobs.cancel(job.id)
        assert cancelled.status == "cancelled"
        assert wait_for_end(client, waiting.id).status == "succeeded"
        assert cancelled.trained_tokens == client.fine_tuning.jobs.retrieve(job.id).trained_tokens
        assert cancelled.trained_tokens > 0
        assert _left(trainer, job) == []


def test_a_job_goes_on_when_its_training_process_is_killed_and_tells_no_step_twice(
    rough_trainer: TrainerProcess,
) -> None:
    trainer = rough_trainer
    with make_client(trainer, PATIENCE_S) as client:
        whole = train(client, manner(12), **LONG)
        job = start(client, manner(12), **LONG)
        for step in (3, 20):
            wait_for_step(client, job.id, step)
            trainer.kill_training()
        assert wait_for_end(client, job.id).status == "succeeded"
        assert steps_of(client, job.id) == list(range(1, 61))
        assert metrics_of(client, job.id, "train_loss") == metrics_of(client, whole.id, "train_loss")
        told = [message for message in messages_of(client, job.id) if "was ended by signal 9" in message]
        assert len(told) == 2
        assert "; the job goes on after step " in told[0]


def test_a_training_process_that_computes_nothing_is_replaced(
    start_trainer: Callable[..., TrainerProcess], bases: list[str]
) -> None:
    trainer = start_trainer(bases=bases[:1], stall_s=15)
    with make_client(trainer, PATIENCE_S) as client:
        job = start(client, manner(12), **LONG)
        wait_for_step(client, job.id, 3)
        trainer.freeze_training()
        assert wait_for_end(client, job.id).status == "succeeded"
        assert steps_of(client, job.id) == list(range(1, 61))
        assert any("computed nothing for 15 s" in message for message in messages_of(client, job.id))


def test_a_process_lost_too_often_at_one_step_fails_the_job_and_a_recorded_step_counts_anew(
    tmp_path: Path,
) -> None:
    lost = ProcessLostError(LossCause.LOST, "was ended by signal 9")
    attempts = Attempts(tmp_path / "work")
    for step in (5, 6):
        for _ in range(3):
            assert "goes on after step" in Attempts(tmp_path / "work").note_loss(lost, step)
    with pytest.raises(TrainingFailedError) as failure:
        attempts.note_loss(lost, 6)
    assert failure.value.code == "training_process_lost"
    assert "4 times at step 6" in failure.value.message
    memory = ProcessLostError(LossCause.MEMORY, "was killed because the machine ran out of memory")
    for halvings in range(1, 6):
        attempts.note_loss(memory, 6)
        assert attempts.halvings == halvings
    with pytest.raises(TrainingFailedError) as failure:
        attempts.note_loss(memory, 6)
    assert (failure.value.code, "choose a smaller base" in failure.value.message) == ("out_of_memory", True)


def test_a_job_whose_loss_is_not_a_number_fails_at_once_and_says_where(client: openai.OpenAI) -> None:
    job = run(client, manner(12), model="tiny-full", epochs=10, rate=1e30)
    assert (job.status, job.error.code) == ("failed", "diverged")
    last = max(steps_of(client, job.id))
    assert f"of step {last + 1} is infinite or not a number" in job.error.message


def _left(trainer: TrainerProcess, job: openai.types.fine_tuning.FineTuningJob) -> list[Path]:
    """What lies in a job's folder once its training files are dropped."""
    folder = trainer.data_dir / "models" / job.id
    wait_until(lambda: not (folder / "work").exists())
    return list(folder.iterdir()) if folder.exists() else []

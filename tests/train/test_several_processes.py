"""Several devices come by a launcher: two processes train what one would."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.train.data import manner
from tests.train.steps import (
    PATIENCE_S,
    metrics_of,
    start,
    steps_of,
    train,
    wait_for_end,
    wait_for_step,
)
from tests.train.test_memory import ROOT, write_long_examples
from tests.train.tiny import make_llama
from tests.trainer.conftest import make_client

# `accelerate launch` starts several processes on GPUs only, and does it by this launcher.
LAUNCH = f"{sys.executable} -m torch.distributed.run --nproc_per_node 2"


def test_two_processes_share_every_batch_and_learn_what_one_learns(
    client: openai.OpenAI, start_trainer: Callable[..., TrainerProcess]
) -> None:
    options = {"model": "tiny-full", "epochs": 2, "rate": 50.0, "batch": 4}
    alone = train(client, manner(15), valid=manner(4, 15), **options)
    with make_client(start_trainer(launch=LAUNCH), PATIENCE_S) as pair:
        together = train(pair, manner(15), valid=manner(4, 15), **options)
        for name in ("train_loss", "full_valid_loss"):
            expected = metrics_of(client, alone.id, name)
            assert metrics_of(pair, together.id, name) == pytest.approx(expected, abs=1e-4)


def test_a_job_goes_on_when_one_of_its_processes_is_killed(
    start_trainer: Callable[..., TrainerProcess], bases: list[str]
) -> None:
    trainer = start_trainer(launch=LAUNCH, bases=bases[:1])
    with make_client(trainer, PATIENCE_S) as client:
        job = start(client, manner(12), epochs=10, batch=4)
        wait_for_step(client, job.id, 5)
        trainer.kill_training()
        assert wait_for_end(client, job.id).status == "succeeded"
        assert steps_of(client, job.id) == list(range(1, 31))


def test_processes_agree_when_one_of_them_runs_out_of_memory(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    base = make_llama(tmp_path / "base", hidden=128, layers=4)
    write_long_examples(folder)
    command = [*LAUNCH.split(), "-m", "tests.train.starved", str(base), str(folder), "250"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 2
    assert found[0]["starved"] == found[1]["starved"]
    assert found[0]["starved"]["tokens_at_once"] < found[0]["free"]["tokens_at_once"]
    assert found[0]["starved"]["loss"] == pytest.approx(found[0]["free"]["loss"], abs=1e-5)

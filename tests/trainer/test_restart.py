"""Whatever was there before a restart or a kill -9 is there afterwards, and goes on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.trainer.conftest import make_client
from tests.trainer.steps import create_job, messages_of, run_job, wait_for_end


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_running_job_goes_on_after_the_process_ended(
    start_trainer: Callable[..., TrainerProcess], end: str
) -> None:
    trainer = start_trainer(step_ms=30)
    trainer.control.stop_clock()
    with make_client(trainer) as client:
        job = create_job(client, hyperparameters={"n_epochs": 2})
        trainer.control.advance(0.3)
        assert client.fine_tuning.jobs.retrieve(job.id).status == "running"
        assert any(message.startswith("Step ") for message in messages_of(client, job.id))
    getattr(trainer, end)()
    trainer.start()
    trainer.control.run_clock()
    with make_client(trainer) as client:
        assert wait_for_end(client, job.id).status == "succeeded"
        steps = [m.split("/")[0] for m in messages_of(client, job.id) if m.startswith("Step ")]
        assert steps == [f"Step {i}" for i in range(1, 25)]


def test_a_killed_process_loses_no_file_model_or_setting(
    start_trainer: Callable[..., TrainerProcess],
) -> None:
    trainer = start_trainer()
    with make_client(trainer) as client:
        job = run_job(client, metadata={"k": "v"})
    trainer.control.stop_clock(2_000_000_000)
    trainer.control.limits(wind_down=True)
    trainer.kill()
    trainer.start()
    with make_client(trainer) as client:
        assert client.fine_tuning.jobs.retrieve(job.id) == job
        assert client.files.content(job.training_file).read().count(b"\n") == 12
        assert [m.id for m in client.models.list()][-1] == job.fine_tuned_model
        assert [found.id for found in client.fine_tuning.jobs.list(metadata={"k": "v"})] == [job.id]
    assert trainer.control.call("GET", "clock") == {"mode": "manual", "now": 2_000_000_000.0}


def test_sigterm_ends_it_in_mid_stream_without_waiting_for_the_rest(
    start_trainer: Callable[..., TrainerProcess],
) -> None:
    trainer = start_trainer()
    trainer.control.answers(chunks=1000, chunk_interval_s=60)  # nobody would wait for its end
    with make_client(trainer) as client:
        stream = client.chat.completions.create(
            model="sandbox-mini", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        next(iter(stream))
        assert trainer.stop() == 0
        with pytest.raises(openai.APIConnectionError):
            next(iter(stream))


def test_a_second_trainer_on_the_same_folder_is_refused_in_one_line(
    start_trainer: Callable[..., TrainerProcess], tmp_path: Path
) -> None:
    trainer = start_trainer(tmp_path / "shared")
    again = _try("--port", "0", "--data-dir", str(trainer.data_dir))
    assert again.returncode == 2
    assert "another trainer uses the data directory" in again.stderr
    assert again.stderr.count("\n") == 1


def test_a_port_in_use_is_refused_in_one_line(
    start_trainer: Callable[..., TrainerProcess], tmp_path: Path
) -> None:
    trainer = start_trainer()
    again = _try("--port", str(trainer.port), "--data-dir", str(tmp_path / "other"))
    assert again.returncode == 2
    assert f"cannot listen on 127.0.0.1:{trainer.port}" in again.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bases", ","],
        ["--bases", "a=magic"],
        ["--engine", "nope"],
        ["--dialect", "klingon"],
        ["--port", "70000"],
    ],
)
def test_a_wrong_option_is_refused_before_anything_starts(tmp_path: Path, arguments: list[str]) -> None:
    assert _try("--data-dir", str(tmp_path), "--port", "0", *arguments).returncode == 2


def _try(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", *arguments],
        env={"TUNEHOUSE_TRAINER_API_KEY": "k"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

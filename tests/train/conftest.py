"""Fixtures of real training: models made on the spot, and a trainer with the transformers engine over them.

Run by `make test-train`, in an environment with torch; elsewhere nothing of this folder is collected.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from tests.support.trainer_process import TrainerProcess
from tests.train.data import manner
from tests.train.steps import train
from tests.trainer.conftest import make_client

HAS_TORCH = find_spec("torch") is not None
collect_ignore_glob = [] if HAS_TORCH else ["test_*.py"]

if HAS_TORCH:
    from tests.train.tiny import encoder_path, make_llama


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A language model for LoRA, the same for full tuning, an encoder, a folder with no weights in it, and a
    language model whose texts end with another token than its turns.
    """
    folder = tmp_path_factory.mktemp("bases")
    llama = make_llama(folder / "llama")
    broken = folder / "broken"
    shutil.copytree(llama, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    other_end = make_llama(folder / "other-end", end="<|endoftext|>")
    return [
        f"tiny={llama}",
        f"tiny-full={llama}@full",
        f"minilm={encoder_path()}",
        f"broken={broken}",
        f"other-end={other_end}@full",
    ]


@pytest.fixture(scope="session")
def shared_process(bases: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """One trainer for the tests that need nothing special."""
    process = TrainerProcess(tmp_path_factory.mktemp("trainer"), engine="transformers", bases=bases).start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def shared_client(shared_process: TrainerProcess) -> Iterator[openai.OpenAI]:
    """A client of the shared trainer, for fixtures that live longer than a test."""
    with make_client(shared_process, timeout_s=120) as found:
        yield found


@pytest.fixture
def client(shared_client: openai.OpenAI) -> openai.OpenAI:
    """A client of the shared trainer."""
    return shared_client


@pytest.fixture
def start_trainer(tmp_path: Path, bases: list[str]) -> Iterator[Callable[..., TrainerProcess]]:
    """Starts trainers of a test's own."""
    started: list[TrainerProcess] = []

    def start(**options: object) -> TrainerProcess:
        folder = tmp_path / f"trainer{len(started)}"
        settings = {"engine": "transformers", "bases": bases, "snapshot_s": 0, **options}
        process = TrainerProcess(folder, **settings)  # type: ignore[arg-type]
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="session")
def polite_job(shared_client: openai.OpenAI) -> FineTuningJob:
    """A language model that has learnt to answer in whole, polite sentences."""
    return train(shared_client, manner(48), valid=manner(8, 48), model="tiny-full", epochs=10, rate=150)


@pytest.fixture(scope="session")
def rough_trainer(bases: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """One trainer for the tests that kill and restart it; starting others would cost them half their time."""
    folder = tmp_path_factory.mktemp("rough")
    process = TrainerProcess(folder, engine="transformers", bases=bases, snapshot_s=0.2).start()
    yield process
    process.stop()

"""Fixtures of real training: models made on the spot, and a trainer with the transformers engine over them.

Run by `make test-train`, in an environment with torch; elsewhere nothing of this folder is collected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.trainer.conftest import make_client

HAS_TORCH = find_spec("torch") is not None
collect_ignore_glob = [] if HAS_TORCH else ["test_*.py"]

if HAS_TORCH:
    from tests.train.tiny import encoder_path, make_llama


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A language model for LoRA, the same for full tuning, and an encoder."""
    llama = make_llama(tmp_path_factory.mktemp("bases") / "llama")
    return [f"tiny={llama}", f"tiny-full={llama}@full", f"minilm={encoder_path()}"]


@pytest.fixture(scope="session")
def shared_process(bases: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """One trainer for the tests that need nothing special."""
    process = TrainerProcess(tmp_path_factory.mktemp("trainer"), engine="transformers", bases=bases).start()
    yield process
    process.stop()


@pytest.fixture
def client(shared_process: TrainerProcess) -> Iterator[openai.OpenAI]:
    """A client of the shared trainer."""
    with make_client(shared_process, timeout_s=120) as found:
        yield found


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

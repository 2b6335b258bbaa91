"""Fixtures of the trainer's own suite: a process a test, the stock SDK, and its control API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from tests.support.plain import sdk_client
from tests.support.trainer_process import TrainerProcess


def make_client(process: TrainerProcess, timeout_s: float = 20.0) -> openai.OpenAI:
    """A stock client of a trainer that never retries."""
    return openai.OpenAI(
        base_url=process.base_url,
        api_key=process.api_key,
        max_retries=0,
        timeout=timeout_s,
        http_client=sdk_client(),
    )


@pytest.fixture(scope="session")
def shared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """One trainer for the tests that need nothing special."""
    process = TrainerProcess(tmp_path_factory.mktemp("trainer"), step_ms=1).start()
    yield process
    process.stop()


@pytest.fixture
def trainer(shared_process: TrainerProcess) -> Iterator[TrainerProcess]:
    """The shared trainer, with whatever the test has set undone."""
    yield shared_process
    shared_process.control.reset()


@pytest.fixture(scope="module")
def module_client(shared_process: TrainerProcess) -> Iterator[openai.OpenAI]:
    """A client for tests that share a tuned model and set nothing by the control API."""
    with make_client(shared_process) as found:
        yield found


@pytest.fixture
def start_trainer(tmp_path: Path) -> Iterator[Callable[..., TrainerProcess]]:
    """Starts trainers of a test's own, each in a folder of its own unless told."""
    started: list[TrainerProcess] = []

    def start(data_dir: Path | None = None, **options: object) -> TrainerProcess:
        folder = data_dir or tmp_path / f"trainer{len(started)}"
        process = TrainerProcess(folder, **options)  # type: ignore[arg-type]
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def client(trainer: TrainerProcess) -> Iterator[openai.OpenAI]:
    """A client of the shared trainer."""
    with make_client(trainer) as found:
        yield found

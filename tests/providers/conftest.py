"""Providers over real trainer processes of their own: one speaks as OpenAI does, one as Azure."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.providers.openai_wire import OpenAIWire
from tests.providers.raw_server import provider_at
from tests.support.trainer_process import TrainerProcess


def _start(folder: Path, dialect: str) -> TrainerProcess:
    bases = ["sandbox-mini=supervised+dpo", "sandbox-large=supervised+dpo+reinforcement"]
    return TrainerProcess(folder, bases=bases, step_ms=1, dialect=dialect).start()


def _open(process: TrainerProcess, kind: str) -> OpenAIWire:
    (settings,) = json.loads(process.as_provider())
    return provider_at(**settings | {"kind": kind, "timeout_s": 10.0})


@pytest.fixture(scope="package")
def upstream_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerProcess]:
    """A trainer that nobody but these tests talks to."""
    process = _start(tmp_path_factory.mktemp("upstream"), "openai")
    yield process
    process.stop()


@pytest.fixture
def upstream(upstream_process: TrainerProcess) -> Iterator[TrainerProcess]:
    """That trainer, with its faults cleared after the test."""
    yield upstream_process
    upstream_process.control.reset()


@pytest.fixture
def provider(upstream: TrainerProcess) -> Iterator[OpenAIWire]:
    """The port over that trainer."""
    one = _open(upstream, "trainer")
    yield one
    one.close()


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIWire]:
    """The port over a trainer that imitates Azure OpenAI."""
    process = _start(tmp_path_factory.mktemp("azure"), "azure")
    one = _open(process, "azure")
    yield one
    one.close()
    process.stop()

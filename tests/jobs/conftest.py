"""Providers with limits, for tests that do the steps by hand."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from service.settings import settings
from tests.support.trainer_process import TrainerProcess

Configure = Callable[..., None]


@pytest.fixture
def configure(
    providers_environment: dict[str, str], database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Configure]:
    """Change the settings of every provider in this process; undone after the test."""

    def change(**changes: Any) -> None:
        providers = json.loads(providers_environment["TUNEHOUSE_PROVIDERS"])
        changed = json.dumps([one | changes for one in providers])
        monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", changed)
        settings.cache_clear()

    yield change
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def calm(trainer: TrainerProcess) -> TrainerProcess:
    """The trainer with its clock stopped: provider jobs move only when the test lets time pass."""
    trainer.control.stop_clock()
    return trainer

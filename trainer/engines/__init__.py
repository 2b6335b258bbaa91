"""The engines that train and answer. `base` defines the interface; `ENGINES` maps names to engines."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from trainer.engines.base import Engine
from trainer.engines.sandbox.engine import SandboxEngine
from trainer.settings import OfferedBase, TrainerSettings, parse_bases


def _real(module: str) -> Any:
    # Imported by name, so that other engines need not install torch or wait for its import.
    return import_module(f"trainer.engines.transformers.{module}")


ENGINES: dict[str, Callable[[TrainerSettings], Engine]] = {
    "sandbox": lambda settings: SandboxEngine(settings.step_ms / 1000, settings.concurrency),
    "transformers": lambda settings: _real("engine").TransformersEngine(settings),
}

BASES: dict[str, Callable[[str], tuple[OfferedBase, ...]]] = {
    "sandbox": parse_bases,
    "transformers": lambda text: _real("bases").find_bases(text),
}

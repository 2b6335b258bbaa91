"""What trains and answers: `base` says what an engine must do, the others do it, `ENGINES` names them."""

from __future__ import annotations

from collections.abc import Callable

from trainer.engines.base import Engine
from trainer.engines.sandbox import SandboxEngine
from trainer.settings import Settings

ENGINES: dict[str, Callable[[Settings], Engine]] = {
    "sandbox": lambda settings: SandboxEngine(settings.step_ms / 1000, settings.concurrency),
}

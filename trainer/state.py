"""The state of a running server: the core, its threads, the active faults and the request counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from starlette.requests import Request

from trainer.core import Core, build_core
from trainer.faults.rules import Faults
from trainer.settings import TrainerSettings
from trainer.training.runner import Runner
from trainer.webhooks.sender import Sender


@dataclass
class TrainerState:
    """Everything that a route can use."""

    core: Core
    runner: Runner
    sender: Sender
    faults: Faults = field(default_factory=Faults)
    requests: Counter[str] = field(default_factory=Counter)
    running: int = 0  # requests in progress

    def start(self) -> None:
        """Start the threads."""
        self.runner.start()
        self.sender.start()

    def stop(self) -> None:
        """Stop them in well under a second; everything unfinished is in the store."""
        self.runner.stop()
        self.core.engine.stop()
        self.sender.stop()

    def forget_requests(self) -> None:
        """Count requests and the tokens of answers from zero again."""
        self.requests.clear()
        self.core.answered.clear()


def build_state(settings: TrainerSettings) -> TrainerState:
    """Open the data directory and build the parts; nothing runs yet."""
    core = build_core(settings)
    sender = Sender(core)
    return TrainerState(core, Runner(core, on_end=sender.wake), sender)


def state_of(request: Request) -> TrainerState:
    """The state that the app was built with."""
    found: TrainerState = request.app.state.trainer
    return found

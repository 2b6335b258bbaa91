"""The end of an epoch: which checkpoints to keep, which weights are best, whether to stop early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.engines.transformers import rates, snapshot
from trainer.storage.records import PlanRecord

KEPT_EPOCHS = 3  # as OpenAI keeps

Metrics = dict[str, float]


@dataclass
class StepOutcome:
    """What to do after a step: `keeps` makes it a checkpoint, `earlier` those of earlier epochs."""

    is_last: bool
    keeps: bool
    note: str = ""
    earlier: list[tuple[int, Metrics]] = field(default_factory=list)


class Epochs:
    """Decides which epochs become checkpoints, and when early stopping ends the job.

    Without early stopping the last three epochs are known beforehand and reported when they end. With it the
    last epoch is unknown, so the weights of the latest three wait in the work folder, and the job ends with
    the best epoch's weights as its model.
    """

    def __init__(self, plan: PlanRecord, folder: Path, *, stops_early: bool) -> None:
        self._folder = folder
        self._total, self._n_epochs = plan.total_steps, plan.n_epochs
        self._per_epoch = plan.total_steps // plan.n_epochs
        self._stops_early = stops_early
        self._waiting: list[tuple[int, Metrics]] = []
        self._best_step = self._last_step = 0
        self._best_loss = float("inf")
        self.guesses: list[tuple[int, int]] = []
        self.best_guesses: list[tuple[int, int]] = []

    def after(self, step: int, metrics: Metrics, weights: Callable[[], Any]) -> StepOutcome:
        """Take in an epoch's end."""
        is_final = step >= self._total
        if not self._stops_early:
            first_kept = (self._n_epochs - KEPT_EPOCHS + 1) * self._per_epoch
            return StepOutcome(is_last=is_final, keeps=step >= first_kept)
        if metrics["full_valid_loss"] < self._best_loss:
            self._best_loss, self._best_step = metrics["full_valid_loss"], step
            self.best_guesses = list(self.guesses)
            snapshot.write_state(snapshot.best_path(self._folder), weights())
        tired = step - self._best_step >= rates.PATIENCE * self._per_epoch
        if not (is_final or tired):
            snapshot.write_state(snapshot.epoch_path(self._folder, step), weights())
            self._waiting.append((step, metrics))
            for old, _ in self._waiting[: -(KEPT_EPOCHS - 1)]:
                snapshot.epoch_path(self._folder, old).unlink(missing_ok=True)
            self._waiting = self._waiting[-(KEPT_EPOCHS - 1) :]
            return StepOutcome(is_last=False, keeps=False)
        self._last_step = step
        best = (
            f"the model has the weights of epoch {self._best_step // self._per_epoch}, the best on validation"
        )
        note = best if is_final and not tired else f"stopped early; {best}"
        return StepOutcome(is_last=True, keeps=True, note=note, earlier=list(self._waiting))

    def weights_of(self, step: int) -> Path | None:
        """Where the weights for a step's model lie; None for those of the model as it stands."""
        if not self._stops_early:
            return None
        if step == self._last_step:
            return snapshot.best_path(self._folder)
        return snapshot.epoch_path(self._folder, step)

    def state(self) -> dict[str, Any]:
        """The state that a snapshot saves."""
        return {
            "waiting": self._waiting,
            "best_step": self._best_step,
            "best_loss": self._best_loss,
            "best_guesses": self.best_guesses,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore a state from a snapshot."""
        self._waiting = [(step, metrics) for step, metrics in state["waiting"]]
        self._best_step, self._best_loss = state["best_step"], state["best_loss"]
        self.best_guesses = [(right, guessed) for right, guessed in state["best_guesses"]]

"""The training loop: between any two optimiser steps a run can stop, be saved, and go on.

The same seed, files and device give the same numbers: the order of examples and every step's randomness come
from the seed and the step's number, so a step repeated after a crash is the step it was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator

from trainer.engines.base import Kept, Progress, TrainingFailedError, TrainSpec
from trainer.engines.transformers import rates, snapshot
from trainer.engines.transformers.data.batches import TrainingBatches
from trainer.engines.transformers.data.pack import Pack
from trainer.engines.transformers.epochs import Epochs
from trainer.engines.transformers.failures import MEMORY_ADVICE, diverged, is_out_of_memory
from trainer.engines.transformers.machine import Machine, NotFiniteError
from trainer.engines.transformers.messages import describe, has_event
from trainer.engines.transformers.models import load_encoder, load_to_train, save_model
from trainer.engines.transformers.prepare import GROUPS, scratch
from trainer.engines.transformers.score import confusion, confusion_csv
from trainer.settings import OfferedBase
from trainer.storage.records import PlanRecord

T = TypeVar("T")


class Run:
    """A running job; `step` trains one step and returns its progress."""

    def __init__(self, spec: TrainSpec, base: OfferedBase, plan: PlanRecord, after_step: int,
                 accelerator: Accelerator, snapshot_s: float, *, halvings: int = 0,
                 beat: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        self._spec, self._base, self._plan = spec, base, plan
        self._folder = scratch(spec)
        self._objective = plan.extra["objective"]
        self._labels: list[str] = plan.extra["labels"]
        self.encoder = load_encoder(base, spec.parent)
        group = GROUPS[self._objective]
        self._batches = TrainingBatches(
            _open(self._folder / "train.safetensors", group), plan.batch_size, spec.seed
        )
        self._valid = (
            TrainingBatches(_open(self._folder / "valid.safetensors", group), plan.batch_size, spec.seed)
            if plan.extra["validates"]
            else None
        )
        for batches in filter(None, (self._batches, self._valid)):
            batches.shrink(halvings)
        torch.manual_seed(spec.seed)  # the classification head's first weights
        self._machine = Machine(self._load(accelerator), self._objective, plan, accelerator, beat)
        if self._objective == "dpo":
            for batches in filter(None, (self._batches, self._valid)):
                self._retry(partial(self._machine.remember_reference, batches), batches)
        self._epochs = Epochs(plan, self._folder, stops_early=bool(self._labels) and self._valid is not None)
        self._step = self._tokens = 0
        self._snapshot_s, self._last_snapshot = snapshot_s, time.monotonic()
        self._begun, self._begun_step = 0.0, 0
        self._before: dict[str, float] = {}
        self._go_on_from(after_step)

    def step(self) -> Progress:
        """Train the next step, and validate at the end of an epoch."""
        started = time.monotonic()
        if self._step == 0 and self._valid:
            score = self._machine.validate(self._valid)
            self._before = {f"start_{k}": v for k, v in score.metrics("valid_", len(self._labels)).items()}
        metrics, ends_epoch = self._advance()
        if self._step == 1:
            metrics |= self._before
        outcome = self._epochs.after(self._step, metrics, self._machine.trained_part) if ends_epoch else None
        if outcome and outcome.is_last and self._labels and self._valid:
            self._write_confusion()
        ended = time.monotonic()
        metrics["eta_s"] = eta_s = self._remaining_s(ended)
        is_last = bool(outcome and outcome.is_last)
        shown = ends_epoch or has_event(self._step, self._plan.total_steps)
        return Progress(
            step=self._step,
            message=describe(metrics, outcome.note if outcome else "") if shown else "",
            metrics=metrics,
            tokens=self._tokens,
            checkpoint=bool(outcome and outcome.keeps),
            seconds=ended - started,
            eta_s=0.0 if is_last else eta_s,
            is_last=is_last,
            earlier=[Kept(step=s, metrics=m) for s, m in outcome.earlier] if outcome else [],
        )

    def save(self, step: int, folder: Path) -> None:
        """Write the model of a step that was reported as a checkpoint."""
        now = None
        if (path := self._epochs.weights_of(step)) is not None:
            now = {name: value.clone() for name, value in self._machine.trained_part().items()}
            self._machine.put_back(snapshot.read_state(path) or now)
        try:
            if self._machine.is_main:
                model = self._machine.bare
                save_model(model, self.encoder, self._base, self._spec.parent, self._labels, folder)
        finally:
            if now:
                self._machine.put_back(now)

    def rest(self) -> None:
        """Write a snapshot now."""
        state = self._machine.state() | {
            "step": self._step,
            "tokens": self._tokens,
            "epochs": self._epochs.state(),
            "before": self._before,
        }
        if self._machine.is_main:
            snapshot.write_state(snapshot.snapshot_path(self._folder), state)
        self._last_snapshot = time.monotonic()

    def rest_if_due(self) -> None:
        """Write a snapshot if an epoch has ended or the last snapshot is old enough.

        Called once the last step is recorded, so that a snapshot never lies ahead of the event log.
        """
        waited = time.monotonic() - self._last_snapshot
        if self._step and (waited >= self._snapshot_s or self._step % self._batches.per_epoch == 0):
            self.rest()

    def _load(self, accelerator: Accelerator) -> Any:
        dtype = Machine.weights_dtype(accelerator, self._base)
        return load_to_train(self._base, self._spec.parent, self._labels, dtype)

    def _go_on_from(self, after_step: int) -> None:
        state = snapshot.read_state(snapshot.snapshot_path(self._folder)) if after_step else None
        if state and state["step"] <= after_step:
            self._machine.load_state(state)
            self._step, self._tokens = state["step"], state["tokens"]
            self._epochs.load_state(state["epochs"])
            self._before = state["before"]
        while self._step < after_step:  # reported before the crash, so not reported again
            metrics, ends_epoch = self._advance()
            if ends_epoch:
                self._epochs.after(self._step, metrics, self._machine.trained_part)
        self._begun, self._begun_step = time.monotonic(), self._step

    def _advance(self) -> tuple[dict[str, float], bool]:
        self._step += 1
        examples = self._batches.of_step(self._step)
        rate = rates.rate_at(self._step, self._plan.total_steps, self._plan.extra["peak_rate"])
        seed = (self._spec.seed * 1_000_003 + self._step) % 2**63
        try:
            score = self._retry(
                lambda: self._machine.train(self._batches, examples, rate, seed), self._batches
            )
        except NotFiniteError as error:
            raise diverged(str(error), self._step) from error
        self._tokens += sum(map(self._batches.pack.tokens, examples))
        metrics = {"step": float(self._step), "total_steps": float(self._plan.total_steps)}
        metrics |= score.metrics("train_") | {"learning_rate": rate}
        ends_epoch = self._step % self._batches.per_epoch == 0
        if ends_epoch and (valid := self._valid):
            full = self._retry(lambda: self._machine.validate(valid), valid)
            if not math.isfinite(full.loss):
                raise diverged("validation loss", self._step)
            self._epochs.guesses = full.guesses
            metrics |= full.metrics("full_valid_", len(self._labels))
            # OpenAI's result file has a column for these two and none for the full ones.
            metrics |= full.metrics("valid_")
        return metrics, ends_epoch

    def _retry(self, work: Callable[[], T], batches: TrainingBatches) -> T:
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            if not batches.shrink():
                raise TrainingFailedError("out_of_memory", MEMORY_ADVICE)
            self._machine.free_memory()

    def _remaining_s(self, now: float) -> float:
        done = max(1, self._step - self._begun_step)
        return round((now - self._begun) / done * (self._plan.total_steps - self._step), 1)

    def _write_confusion(self) -> None:
        matrix = confusion(self._epochs.best_guesses, len(self._labels))
        results = self._folder / "results"
        results.mkdir(exist_ok=True)
        text = confusion_csv(matrix, self._labels)
        (results / "confusion_matrix.csv").write_text(text, "utf-8")


def _open(path: Path, group: int) -> Pack:
    if not path.is_file():
        raise TrainingFailedError("server_error", "The job's prepared files are gone; start it again.")
    return Pack(path, group)

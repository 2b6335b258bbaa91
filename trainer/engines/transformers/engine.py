"""The engine that trains in a process of its own and answers in the server's."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from trainer.engines.answers import AnswerRefusedError, EngineAnswer, Prompt
from trainer.engines.base import LineTokens, Progress, TrainingFailedError, TrainSpec
from trainer.engines.transformers.attempts import Attempts, ProcessLostError, failed_for_good
from trainer.engines.transformers.child import Child
from trainer.engines.transformers.identity import Identities
from trainer.engines.transformers.talk import TrainingOrder
from trainer.settings import OfferedBase, TrainerSettings
from trainer.storage.records import PlanRecord


class TransformersEngine:
    """Trains real models, one job at a time; other jobs wait in the server's queue."""

    name = "transformers"
    notice = ""
    fingerprint = "fp_transformers"
    owner = "tunehouse-trainer"
    concurrency = 1
    pace_s = 0.0
    answers_slowly = True
    keeps_weights = True
    result_columns = (
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
        "full_valid_macro_f1",
        "train_reward_margin",
        "full_valid_reward_margin",
        "learning_rate",
    )

    def __init__(self, settings: TrainerSettings) -> None:
        self._settings = settings
        self._bases = {base.name: base for base in settings.bases}
        # Torch's threads wait for each other by spinning; next to busy processes that made small steps
        # twelve times slower on two cores. Read when torch is imported, here and in the child.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._identities = Identities(settings.data_dir / "bases.json")
        self._child = Child(settings)
        self._child.launch()
        self._opened = (-1, "")  # the generation of the process that has a run open, and the run's job
        self._serving: Any = None
        self._lock = threading.Lock()

    def check(self, spec: TrainSpec) -> PlanRecord:
        """Tokenise both files and plan the job."""
        order = TrainingOrder(do="check", spec=spec, base=self._base(spec))
        try:
            reply = self._child.ask(order)
        except ProcessLostError:
            try:
                reply = self._child.ask(order)
            except ProcessLostError as again:
                raise failed_for_good(again, step=0, times=2) from again
        if reply.plan is None:
            raise RuntimeError("a check answered without a plan")
        return reply.plan

    def train(self, spec: TrainSpec, plan: PlanRecord, after_step: int) -> Iterator[Progress]:
        """Yield every step after `after_step`; a step begins once the one before it is recorded.

        When the training process is lost, the next one goes on from the last snapshot.
        """
        attempts = Attempts(_work(spec))
        warnings: list[str] = []
        try:
            while after_step < plan.total_steps:
                try:
                    self._open(spec, plan, after_step)
                    progress = self._child.ask(TrainingOrder(do="step")).progress
                except ProcessLostError as lost:
                    warnings.append(attempts.note_loss(lost, after_step + 1))
                    continue
                if progress is None:
                    raise RuntimeError("a step answered without progress")
                yield dataclasses.replace(progress, warnings=tuple(warnings))
                warnings = []
                if progress.is_last:
                    return
                after_step = progress.step
        finally:
            if self._opened == (self._child.generation, spec.job_id):
                self._close()

    def steps_left(self, plan: PlanRecord, after_step: int) -> int:
        """Optimiser steps to go."""
        return plan.total_steps - after_step

    def save(self, spec: TrainSpec, plan: PlanRecord, step: int, folder: Path) -> None:
        """Write the model of a step; if the training process is lost, the next one trains up to it again."""
        attempts = Attempts(_work(spec))
        while True:
            try:
                self._open(spec, plan, step)
                self._child.ask(TrainingOrder(do="save", step=step, folder=str(folder)))
            except ProcessLostError as lost:
                attempts.note_loss(lost, step)
            else:
                return

    def rest(self, spec: TrainSpec) -> None:
        """Write a snapshot of the current run; without one, it goes on from the snapshot before."""
        with suppress(ProcessLostError):
            self._child.ask(TrainingOrder(do="rest"))

    def result_files(self, spec: TrainSpec) -> Mapping[str, bytes]:
        """The confusion matrix of a classifier."""
        folder = _work(spec) / "results"
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}

    def release(self, spec: TrainSpec) -> None:
        """Delete tokens, snapshots, and weights that did not become a checkpoint."""
        shutil.rmtree(_work(spec), ignore_errors=True)

    def answer(self, base: str, folder: Path | None, prompt: Prompt) -> EngineAnswer:
        """Answer with the model, which is loaded on first use."""
        offered = self._bases[base]
        try:
            offered = self._identities.identify(offered) if folder else offered
        except OSError as error:
            message = f"The base {base} cannot be read."
            raise AnswerRefusedError(message, "invalid_model", "model") from error
        answer: EngineAnswer = self._answers().answer(offered, folder, prompt)
        return answer

    def count_tokens(self, base: str, rows: Sequence[Mapping[str, Any]]) -> list[LineTokens]:
        """Tokens of each line as this base would be trained on it."""
        counts: list[LineTokens] = self._answers().count_tokens(self._bases[base], rows)
        return counts

    def stop(self) -> None:
        """End the training process; its job goes on from its last snapshot."""
        self._child.stop()

    def _base(self, spec: TrainSpec) -> OfferedBase:
        try:
            return self._identities.identify(self._bases[spec.base])
        except KeyError as error:
            message = f"The base {spec.base} is not offered any more."
            raise TrainingFailedError("model_not_available", message, "model") from error
        except OSError as error:
            raise TrainingFailedError(
                "invalid_model", f"The base {spec.base} cannot be read.", "model"
            ) from error

    def _open(self, spec: TrainSpec, plan: PlanRecord, after_step: int) -> None:
        """Open the run in the current process, unless it is open there."""
        # Asked first, because another job's check may have taken the process with it.
        if self._opened == (self._child.generation, spec.job_id):
            return
        order = TrainingOrder(do="open", spec=spec, base=self._base(spec), plan=plan, step=after_step)
        order.snapshot_s = self._settings.snapshot_s
        order.halvings = Attempts(_work(spec)).halvings
        self._child.ask(order)
        self._opened = (self._child.generation, spec.job_id)

    def _close(self) -> None:
        self._opened = (-1, "")
        with suppress(TrainingFailedError, ProcessLostError):  # a process that is gone has closed it
            self._child.ask(TrainingOrder(do="close"))

    def _answers(self) -> Any:
        with self._lock:
            if self._serving is None:
                # Imports torch, which takes seconds that a trainer that only trains need not spend.
                module = import_module("trainer.engines.transformers.serving.server")
                self._serving = module.Serving(self._settings)
            return self._serving


def _work(spec: TrainSpec) -> Path:
    return spec.work_dir / "work"

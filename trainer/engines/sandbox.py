"""The sandbox engine: jobs take seconds, nothing is trained, and models recall their training data.

It says so in its notice, its fingerprint, its owner and its answers. Only a model whose training answers are
labels answers without the mark, because programs compare labels by equality.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.engines import auto
from trainer.engines.base import EngineAnswer, LineTokens, Progress, Prompt, TrainSpec
from trainer.engines.checks import scan_training, scan_validation
from trainer.engines.curves import SimulatedCurve, checkpoint_steps, event_steps
from trainer.engines.examples import InvalidExampleError, detect_format, last_user_text, read_example
from trainer.engines.memory import MAX_REMEMBERED, MemoryCache, copy_examples, read_folder, write_examples
from trainer.engines.metrics import describe_step, measure_step
from trainer.engines.replies import build_answer
from trainer.storage.records import PlanRecord

MARK = "[sandbox] "


class SandboxEngine:
    """The engine of demos and tests."""

    name = "sandbox"
    notice = "sandbox: training is simulated, no model is trained"
    fingerprint = "fp_sandbox"
    owner = "tunehouse-sandbox"
    answers_slowly = False
    keeps_weights = False
    result_columns: tuple[str, ...] = ()

    def __init__(self, pace_s: float, concurrency: int) -> None:
        self.pace_s = pace_s
        self.concurrency = concurrency
        self._memories = MemoryCache()

    def check(self, spec: TrainSpec) -> PlanRecord:
        """Validate both files, resolve the hyperparameters, and keep the examples in the work folder."""
        training = scan_training(spec, MAX_REMEMBERED)
        held_out = scan_validation(spec)
        inherited = read_folder(spec.parent) if spec.parent else []
        write_examples(spec.work_dir, [*training.kept, *inherited])
        given = spec.hyperparameters
        n_epochs = auto.resolve_epochs(given.get("n_epochs"), training.count)
        batch_size = auto.resolve_batch_size(given.get("batch_size"), training.count)
        with spec.training_path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return PlanRecord(
            n_epochs=n_epochs,
            batch_size=batch_size,
            learning_rate_multiplier=auto.resolve_learning_rate(given.get("learning_rate_multiplier")),
            total_steps=auto.count_steps(training.count, n_epochs, batch_size),
            trained_tokens=n_epochs * training.tokens,
            extra={
                "data": digest,
                "validates": held_out.count > 0,
                **auto.method_extras(spec.method, given),
            },
        )

    def train(self, spec: TrainSpec, plan: PlanRecord, after_step: int) -> Iterator[Progress]:
        """Yield the simulated steps that are left."""
        curve = SimulatedCurve(spec.seed, plan.extra["data"], plan.total_steps)
        kept = set(checkpoint_steps(plan.total_steps, plan.n_epochs))
        for step in event_steps(plan.total_steps, plan.n_epochs):
            if step <= after_step:
                continue
            metrics = measure_step(curve, spec.method, plan, step, is_epoch_end=step in kept)
            yield Progress(
                step=step,
                message=describe_step(spec.method, metrics),
                metrics=metrics,
                tokens=plan.trained_tokens * step // plan.total_steps,
                checkpoint=step in kept,
                seconds=self.pace_s,
            )

    def steps_left(self, plan: PlanRecord, after_step: int) -> int:
        """The number of reported steps after `after_step`."""
        return sum(step > after_step for step in event_steps(plan.total_steps, plan.n_epochs))

    def save(self, spec: TrainSpec, plan: PlanRecord, step: int, folder: Path) -> None:
        """Save the job's examples before those of the model it started from; all steps have the same ones."""
        copy_examples(spec.work_dir, folder)

    def rest(self, spec: TrainSpec) -> None:
        """Does nothing: any step can be computed again from its number."""

    def result_files(self, spec: TrainSpec) -> dict[str, bytes]:
        """Empty: the sandbox has no result files of its own."""
        return {}

    def release(self, spec: TrainSpec) -> None:
        """Does nothing: the examples are the model."""

    def count_tokens(self, base: str, rows: Sequence[Mapping[str, Any]]) -> list[LineTokens]:
        """Count the tokens of lines in o200k_base; an invalid line counts 0."""
        return [LineTokens(_count(row)) for row in rows]

    def stop(self) -> None:
        """Does nothing: the sandbox runs inside the server."""

    def answer(self, base: str, folder: Path | None, prompt: Prompt) -> EngineAnswer:
        """Recall the closest training answer, or say what a sandbox base model is."""
        question = last_user_text(prompt.messages)
        memory = self._memories.get(folder) if folder else None
        recalled = memory.recall(question) if memory else None
        if memory and recalled is not None:
            return build_answer(recalled if memory.gives_labels else MARK + recalled, prompt)
        if memory:
            return build_answer(
                f"{MARK}Nothing in the training data of this model resembles the question.", prompt
            )
        return build_answer(f"{MARK}This is {base}, a stand-in without a language model behind it.", prompt)


def _count(row: Mapping[str, Any]) -> int:
    try:
        return read_example(1, row, detect_format(row), "").tokens
    except InvalidExampleError:
        return 0

"""The sandbox engine: jobs take seconds, nothing is trained, and models recall their training data.

It says so in its notice, its fingerprint, its owner and its answers. Labels, JSON and function arguments
carry no mark, because programs read them. It answers one text with certainty: `temperature`, `top_p` and
`seed` cannot change it, and what would change the probability of single tokens is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.engines import auto
from trainer.engines.answers import UNSUPPORTED, AnswerRefusedError, EngineAnswer, Prompt
from trainer.engines.base import LineTokens, Progress, TrainSpec
from trainer.engines.checks import scan_training, scan_validation
from trainer.engines.examples import (
    InvalidExampleError,
    Turn,
    count_call_turns,
    detect_format,
    last_user_text,
    read_example,
    since_last_user,
    text_of,
)
from trainer.engines.sandbox.calling import choose_calls
from trainer.engines.sandbox.curves import SimulatedCurve, checkpoint_steps, event_steps
from trainer.engines.sandbox.forms import fill_form
from trainer.engines.sandbox.memory import MAX_REMEMBERED, MemoryCache, copy_turns, read_folder, write_turns
from trainer.engines.sandbox.metrics import describe_step, measure_step
from trainer.engines.sandbox.replies import build_answer, build_calls
from trainer.engines.sandbox.shapes import write_described, write_shape
from trainer.engines.sandbox.texts import MARK
from trainer.storage.records import PlanRecord


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
        write_turns(spec.work_dir, [*training.kept, *inherited])
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
        copy_turns(spec.work_dir, folder)

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
        """Recall the closest trained answer; else make up what the request demands, or say what this is."""
        _refuse_weights(prompt)
        memory = self._memories.get(folder) if folder else None
        question = last_user_text(prompt.messages)
        trained = memory.recall(question, count_call_turns(prompt.messages)) if memory else None
        calls = choose_calls(trained.calls if trained else (), prompt)
        if calls:
            return build_calls(calls, prompt)
        if prompt.shape:
            answered = trained.completion if trained else ""
            return build_answer(write_shape(prompt.shape, answered, prompt.messages), prompt)
        if trained and trained.completion:
            marked = trained.completion if memory and memory.gives_labels else MARK + trained.completion
            return build_answer(marked, prompt)
        if described := fill_form(prompt.messages) or write_described(prompt.messages):
            return build_answer(described, prompt)
        return build_answer(MARK + _excuse(base, trained, prompt, is_tuned=memory is not None), prompt)


def _refuse_weights(prompt: Prompt) -> None:
    weights = {
        "frequency_penalty": prompt.frequency_penalty,
        "presence_penalty": prompt.presence_penalty,
        "logit_bias": prompt.logit_bias,
    }
    for name, value in weights.items():
        if value:
            message = f"The sandbox has no token probabilities that '{name}' could change. Leave it out."
            raise AnswerRefusedError(message, UNSUPPORTED, name)


def _excuse(base: str, trained: Turn | None, prompt: Prompt, *, is_tuned: bool) -> str:
    """What a model says that has no trained answer."""
    results = [text_of(m.get("content")) for m in since_last_user(prompt.messages) if m["role"] == "tool"]
    if results:
        return f"The tools answered: {'; '.join(results)}"
    if trained and trained.calls:
        names = ", ".join(call.name for call in trained.calls)
        return f"The trained answer calls {names}, which this request does not allow."
    if is_tuned:
        return "Nothing in the training data of this model resembles the question."
    return f"This is {base}, a stand-in without a language model behind it."


def _count(row: Mapping[str, Any]) -> int:
    try:
        return read_example(1, row, detect_format(row), "").tokens
    except InvalidExampleError:
        return 0

"""The interface of an engine: check a job, train it step by step, save a model, answer a prompt.

The server owns ids, statuses, events, files and time; an engine owns data formats, numbers and weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from trainer.engines.answers import EngineAnswer, Prompt
from trainer.storage.records import PlanRecord


class TrainingFailedError(Exception):
    """The job cannot go on; the fields become the `error` object in the API."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """One job as an engine sees it; `parent` is the folder of the tuned model it starts from, if any."""

    job_id: str
    base: str
    parent: Path | None
    method: str
    completes: bool = False
    """Whether the base is tuned on prompts and completions."""
    hyperparameters: Mapping[str, Any]
    method_options: Mapping[str, Any]
    seed: int
    training_file: str
    training_path: Path
    validation_file: str | None
    validation_path: Path | None
    work_dir: Path


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An earlier step whose model the engine still has and the server should now save."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step: `metrics` goes into the event and the result file as it is; no message, no event.

    `checkpoint` asks the server to keep the model of this step; `tokens` is what was trained until here.
    `seconds` is what this step took of the device, work repeated after a crash left out. `is_last` ends the
    job sooner than planned, and `earlier` are checkpoints that only now are known to be worth keeping.
    `warnings` are messages for the job's log.
    """

    step: int
    message: str
    metrics: Mapping[str, float]
    tokens: int
    checkpoint: bool = False
    seconds: float = 0.0
    eta_s: float | None = None
    is_last: bool = False
    earlier: Sequence[Kept] = ()
    warnings: Sequence[str] = ()


class LineTokens(NamedTuple):
    """The tokens of a training line for a base model; `is_cut` if it exceeds the context window.

    `problem` says why the base cannot be trained on a line that is valid otherwise.
    """

    tokens: int
    is_cut: bool = False
    problem: str = ""


class Engine(Protocol):
    """Trains jobs and answers prompts; `check` and `train` are called from one background thread."""

    name: str
    notice: str
    """The message of the job's first event; empty for an engine that really trains."""
    fingerprint: str
    owner: str
    concurrency: int
    """Jobs that may run at once."""
    pace_s: float
    """Seconds of the trainer's clock between two steps; 0 for an engine that works as fast as it can."""
    answers_slowly: bool
    """Whether `answer` and reading its pieces take long enough to need a thread."""
    keeps_weights: bool
    """Whether the folder of a tuned model holds weights that other servers can serve."""
    result_columns: tuple[str, ...]
    """Metrics that the result file has besides those of the imitated provider."""

    def check(self, spec: TrainSpec) -> PlanRecord:
        """Validate files and resolve hyperparameters; raises `TrainingFailedError`."""

    def train(self, spec: TrainSpec, plan: PlanRecord, after_step: int) -> Iterator[Progress]:
        """Yield the progress of every reported step after `after_step`; raises `TrainingFailedError`."""

    def steps_left(self, plan: PlanRecord, after_step: int) -> int:
        """How many more times `train` will yield, for the estimate of the finish."""

    def save(self, spec: TrainSpec, plan: PlanRecord, step: int, folder: Path) -> None:
        """Save the model as it is after `step` into an existing empty folder."""

    def rest(self, spec: TrainSpec) -> None:
        """The job was paused: save what is needed to go on from the last reported step, and free the rest."""

    def result_files(self, spec: TrainSpec) -> Mapping[str, bytes]:
        """The engine's own result files of a successful job, by name, besides the metrics CSV."""

    def release(self, spec: TrainSpec) -> None:
        """The job has ended, in any way: delete what only its training needed. May be called twice."""

    def answer(self, base: str, folder: Path | None, prompt: Prompt) -> EngineAnswer:
        """Answer with the base, or with the tuned model in `folder`; raises `AnswerRefusedError`.

        Called from any thread.
        """

    def count_tokens(self, base: str, rows: Sequence[Mapping[str, Any]]) -> list[LineTokens]:
        """Count the tokens of training lines with the base's own tokenizer; called from any thread."""

    def stop(self) -> None:
        """The server is stopping; running jobs go on after its next start."""

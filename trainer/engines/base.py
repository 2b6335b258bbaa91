"""What the server asks of an engine: check a job, train it step by step, keep a model, answer a prompt.

The server owns ids, statuses, events, files and time; an engine owns data formats, numbers and weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trainer.records import PlanRecord


class TrainingFailedError(Exception):
    """The job cannot go on: what the wire's `error` object will say."""

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
    hyperparameters: Mapping[str, Any]
    method_options: Mapping[str, Any]
    seed: int
    training_file: str
    training_path: Path
    validation_file: str | None
    validation_path: Path | None
    work_dir: Path


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step worth telling: `metrics` goes into the event and the result file as it is.

    `checkpoint` asks the server to keep the model of this step; `tokens` is what was trained until here.
    """

    step: int
    message: str
    metrics: Mapping[str, float]
    tokens: int
    checkpoint: bool = False


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What is asked: messages of a chat, or one user message made of a legacy prompt."""

    messages: Sequence[Mapping[str, Any]]
    is_completion: bool = False
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    top_logprobs: int | None = None
    """How many alternatives to tell for each token; None tells no probabilities at all."""


@dataclass(kw_only=True)
class Answer:
    """What an engine says: pieces whose concatenation is the text, read once.

    The other fields are final once the pieces are exhausted, so that an engine may produce as it is read.
    `logprobs` is OpenAI's list of `{token, logprob, bytes, top_logprobs}`, None where nobody asked.
    """

    pieces: Iterable[str]
    prompt_tokens: int
    completion_tokens: int = 0
    finish_reason: str = "stop"
    logprobs: list[dict[str, Any]] | None = None


class Engine(Protocol):
    """A way to tune and to answer; `check` and `train` are called from one background thread."""

    name: str
    notice: str
    """A sentence for the job's first event, empty for an engine that really trains."""
    fingerprint: str
    owner: str
    concurrency: int
    """Jobs that may run at once."""
    pace_s: float
    """Seconds of the trainer's clock between two steps; 0 for an engine that works as fast as it can."""
    answers_slowly: bool
    """Whether `answer` and reading its pieces take long enough to need a thread."""

    def check(self, spec: TrainSpec) -> PlanRecord:
        """Validate files and resolve hyperparameters; raises `TrainingFailedError`."""

    def train(self, spec: TrainSpec, plan: PlanRecord, after_step: int) -> Iterator[Progress]:
        """Progress for every told step after `after_step`, to the last; raises `TrainingFailedError`."""

    def steps_left(self, plan: PlanRecord, after_step: int) -> int:
        """How many more times `train` will yield, for the estimate of the finish."""

    def save(self, spec: TrainSpec, plan: PlanRecord, step: int, folder: Path) -> None:
        """Keep the model as it is after `step` in an existing empty folder."""

    def answer(self, base: str, folder: Path | None, prompt: Prompt) -> Answer:
        """Answer as the base, or as the tuned model in `folder`; called from any thread."""

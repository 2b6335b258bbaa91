"""Checks a job's files, tokenises them into the work folder, and plans the job."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trainer.engines import auto
from trainer.engines.base import TrainingFailedError, TrainSpec
from trainer.engines.checks import scan_training, scan_validation
from trainer.engines.examples import InvalidExampleError, detect_format, read_rows
from trainer.engines.transformers import rates
from trainer.engines.transformers.bases import ENCODER
from trainer.engines.transformers.data.encode import Encoder, question_of
from trainer.engines.transformers.data.labels import label_of, settle_labels
from trainer.engines.transformers.data.messages import tools_of
from trainer.engines.transformers.data.pack import PackWriter
from trainer.engines.transformers.models import inherited_labels, load_encoder
from trainer.settings import OfferedBase
from trainer.storage.records import PlanRecord

GROUPS = {"supervised": 1, "dpo": 2, "classify": 1}


def objective_of(spec: TrainSpec, base: OfferedBase) -> str:
    """The objective: `classify` for encoders, otherwise the method's name."""
    return "classify" if base.kind == ENCODER else spec.method


def scratch(spec: TrainSpec) -> Path:
    """The folder of a job's temporary files."""
    return spec.work_dir / "work"


def prepare(spec: TrainSpec, base: OfferedBase, beat: Callable[[], None] = lambda: None) -> PlanRecord:
    """Write `train` and `valid` packs and plan the job; raises `TrainingFailedError`.

    Calls `beat` with every line, so that a large file is not taken for a stalled process.
    """
    training, held_out = scan_training(spec, keep=0), scan_validation(spec)
    folder = scratch(spec)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    objective = objective_of(spec, base)
    encoder = load_encoder(base, spec.parent)
    labels: list[str] = []
    if objective == "classify":
        found = [label for row in read_rows(spec.training_path) if (label := label_of(row)) is not None]
        labels = settle_labels(found, training.count, inherited_labels(spec.parent))
    train = _PackedFile(spec.training_path, "training", objective, encoder, labels)
    train.write(folder / "train.safetensors", beat)
    notes = train.notes()
    if held_out.count and spec.validation_path:
        valid = _PackedFile(spec.validation_path, "validation", objective, encoder, labels)
        valid.write(folder / "valid.safetensors", beat)
        notes += valid.notes()
    given = spec.hyperparameters
    n_epochs = rates.n_epochs(given.get("n_epochs"), train.count)
    batch = rates.batch_size(given.get("batch_size"), objective, train.count)
    multiplier = rates.multiplier(given.get("learning_rate_multiplier"))
    return PlanRecord(
        n_epochs=n_epochs,
        batch_size=batch,
        learning_rate_multiplier=multiplier,
        total_steps=auto.count_steps(train.count, n_epochs, batch),
        trained_tokens=n_epochs * train.tokens,
        extra={
            "objective": objective,
            "peak_rate": rates.BASE_RATES[objective, base.tuning] * multiplier,
            "labels": labels,
            "validates": held_out.count > 0,
            "base": dataclasses.asdict(base.identity) if base.identity else None,
            **({"beta": rates.beta(given)} if objective == "dpo" else {}),
        },
        notes=notes,
    )


class _PackedFile:
    """One file on its way into a pack."""

    def __init__(self, path: Path, role: str, objective: str, encoder: Encoder, labels: list[str]) -> None:
        self._path, self._role, self._objective, self._encoder = path, role, objective, encoder
        self._classes = {label: index for index, label in enumerate(labels)}
        self._writer = PackWriter()
        self.count = self._cut = self._untrained = 0

    @property
    def tokens(self) -> int:
        """Tokens of one pass over the file."""
        return self._writer.tokens

    def write(self, target: Path, beat: Callable[[], None]) -> None:
        """Read every line and save the pack; raises `TrainingFailedError`."""
        try:
            for number, row in enumerate(read_rows(self._path), 1):
                beat()
                try:
                    self._add(row)
                except InvalidExampleError as error:
                    raise InvalidExampleError(f"Example {number}: {error}") from error
        except InvalidExampleError as error:
            raise self._refuse(str(error)) from error
        if not self.count:
            raise self._refuse("No example has anything to learn: all weights are 0, or all answers are cut.")
        self._writer.write(target)

    def notes(self) -> list[str]:
        """Warnings about lines that were cut or not trained on."""
        found = []
        if self._cut:
            limit = self._encoder.window
            found.append(
                f"{self._cut} {self._role} examples are longer than {limit} tokens; their ends were cut"
            )
        if self._untrained:
            found.append(f"{self._untrained} {self._role} examples have nothing to learn and were left out")
        return found

    def _add(self, row: dict[str, Any]) -> None:
        for sequences, label in self._encode(row):
            self._cut += any(sequence.is_cut for sequence in sequences)
            if self._objective != "classify" and not all(any(s.weights[1:]) for s in sequences):
                self._untrained += 1
                continue
            self._writer.add(*sequences, label=label)
            self.count += 1

    def _encode(self, row: dict[str, Any]) -> Iterator[tuple[list[Any], int | None]]:
        if self._objective == "classify":
            label = label_of(row)
            if label is None:
                self._untrained += 1
            elif label not in self._classes:
                raise InvalidExampleError("its label is not among those of the training file")
            else:
                yield [self._encoder.classified(question_of(row))], self._classes[label]
        elif self._objective == "dpo":
            yield self._encoder.preference(row), None
        elif detect_format(row) == "fine-tune-completion":
            yield [self._encoder.completion(row["prompt"], row["completion"])], None
        else:
            for sequence in self._encoder.chat(row["messages"], tools_of(row)):
                yield [sequence], None

    def _refuse(self, reason: str) -> TrainingFailedError:
        message = f"The job failed due to an invalid {self._role} file. {reason}"
        return TrainingFailedError(f"invalid_{self._role}_file", message, f"{self._role}_file")

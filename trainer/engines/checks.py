"""Checks training and validation files; the error messages are those of OpenAI's jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from service.dataset.limits import MIN_EXAMPLES
from trainer.engines.base import TrainingFailedError, TrainSpec
from trainer.engines.examples import (
    METHOD_OF_FORMAT,
    InvalidExampleError,
    Turn,
    detect_format,
    read_example,
    read_rows,
)


@dataclass
class Scan:
    """The result of one pass over a file; only the first few answers are kept."""

    count: int = 0
    tokens: int = 0
    kept: list[Turn] = field(default_factory=list)


def scan_training(spec: TrainSpec, keep: int) -> Scan:
    """Check the training file; raises `TrainingFailedError` with OpenAI's code for what is wrong."""
    scan = _scan(spec, "training", spec.training_file, spec.training_path, keep)
    if scan.count < MIN_EXAMPLES:
        message = f"Training file has {scan.count} example(s), but must have at least {MIN_EXAMPLES} examples"
        raise TrainingFailedError("invalid_n_examples", message, "training_file")
    return scan


def scan_validation(spec: TrainSpec) -> Scan:
    """Check the validation file; empty when the job has none."""
    if spec.validation_path is None or spec.validation_file is None:
        return Scan()
    return _scan(spec, "validation", spec.validation_file, spec.validation_path, keep=0)


def _scan(spec: TrainSpec, role: str, file_id: str, path: Path, keep: int) -> Scan:
    def refuse(reason: str) -> TrainingFailedError:
        message = f"The job failed due to an invalid {role} file. {reason}"
        return TrainingFailedError(f"invalid_{role}_file", message, f"{role}_file")

    try:
        return _read_all(spec, file_id, path, keep, refuse)
    except FileNotFoundError as error:
        raise refuse(f"Input file {file_id} was deleted") from error
    except InvalidExampleError as error:
        raise refuse(f"Invalid file format. {error}") from error


def _read_all(
    spec: TrainSpec, file_id: str, path: Path, keep: int, refuse: Callable[[str], TrainingFailedError]
) -> Scan:
    scan, kind, method = Scan(), "", spec.method
    for number, row in enumerate(read_rows(path), 1):
        if not kind:
            kind = detect_format(row)
            wanted = METHOD_OF_FORMAT[kind]
            if method != wanted and (method, kind) != ("reinforcement", "fine-tune-chat"):
                raise refuse(
                    f"Input file {file_id} is in the {kind} format, but the specified fine-tuning job is not"
                    f" using '{wanted}' as the training method (provided method={method}). "
                )
            if spec.completes and kind != "fine-tune-completion":
                raise refuse(
                    f"Input file {file_id} is in the {kind} format, but {spec.base} is tuned on lines with"
                    " 'prompt' and 'completion'."
                )
        example = read_example(number, row, kind, method)
        scan.count += 1
        scan.tokens += example.tokens
        scan.kept += example.turns[: keep - len(scan.kept)]
    return scan

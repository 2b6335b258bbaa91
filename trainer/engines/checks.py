"""Files that cannot be trained on, refused in the words real jobs fail with."""

from __future__ import annotations

from pathlib import Path

from trainer.engines import examples as reading
from trainer.engines.base import TrainingFailedError, TrainSpec
from trainer.engines.examples import Example, InvalidExampleError


def load_training(spec: TrainSpec) -> list[Example]:
    """The training examples; raises `TrainingFailedError` with OpenAI's code for what is wrong."""
    found = _load(spec, "training", spec.training_file, spec.training_path)
    if len(found) < reading.MIN_EXAMPLES:
        least = reading.MIN_EXAMPLES
        message = f"Training file has {len(found)} example(s), but must have at least {least} examples"
        raise TrainingFailedError("invalid_n_examples", message, "training_file")
    return found


def load_validation(spec: TrainSpec) -> list[Example]:
    """The held-out examples, none when the job has no validation file."""
    if spec.validation_path is None or spec.validation_file is None:
        return []
    return _load(spec, "validation", spec.validation_file, spec.validation_path)


def _load(spec: TrainSpec, role: str, file_id: str, path: Path) -> list[Example]:
    try:
        rows = reading.read_lines(path)
        kind = reading.detect_format(rows)
        wanted = reading.METHOD_OF_FORMAT[kind]
        if spec.method != wanted and (spec.method, kind) != ("reinforcement", "fine-tune-chat"):
            raise _invalid(
                role,
                f"Input file {file_id} is in the {kind} format, but the specified fine-tuning job is not"
                f" using '{wanted}' as the training method (provided method={spec.method}). ",
            )
        return reading.read_examples(rows, kind, spec.method)
    except FileNotFoundError as error:
        raise _invalid(role, f"Input file {file_id} was deleted") from error
    except InvalidExampleError as error:
        raise _invalid(role, f"Invalid file format. {error}") from error


def _invalid(role: str, reason: str) -> TrainingFailedError:
    message = f"The job failed due to an invalid {role} file. {reason}"
    return TrainingFailedError(f"invalid_{role}_file", message, f"{role}_file")

"""Foreign exceptions as the failure of a job, with advice where there is some."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from safetensors import SafetensorError

from trainer.engines.base import TrainingFailedError
from trainer.engines.transformers.manifest import CorruptModelError

MEMORY_ADVICE = (
    "The device ran out of memory, even with one example at a time. Shorten the longest examples, tune with"
    " LoRA instead of in full, choose a smaller base, or give the trainer a larger device."
)
_DIVERGED = (
    "The {what} of step {step} is infinite or not a number: training has diverged. Lower the learning rate,"
    " and check the data for examples unlike all others."
)
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DISK_MESSAGE = (
    "The trainer's disk is full: nothing of this step was kept. Make room and start the job again."
)


def diverged(what: str, step: int) -> TrainingFailedError:
    """The failure of a job whose numbers became useless."""
    return TrainingFailedError("diverged", _DIVERGED.format(what=what, step=step))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)


@contextmanager
def as_training_failures() -> Iterator[None]:
    """Turn what goes wrong inside into `TrainingFailedError`; what is not known here passes through."""
    try:
        yield
    except CorruptModelError as error:
        message = f"The model to start from cannot be used. {error}"
        raise TrainingFailedError("invalid_model", message, "model") from error
    except (OSError, SafetensorError, RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise TrainingFailedError("out_of_memory", MEMORY_ADVICE) from error
        if is_disk_full(error):
            raise TrainingFailedError("disk_full", _DISK_MESSAGE) from error
        raise


def is_disk_full(error: BaseException) -> bool:
    """Whether a write found no room; safetensors and torch say so in words only."""
    words = ("No space left", "File too large", "Disk quota", "file write failed", "unexpected pos")
    return getattr(error, "errno", None) in _DISK or any(word in str(error) for word in words)

"""A job is attempts: what the loss of the training process means, and when a job goes on without it.

| cause   | known by                                   | rule                                            |
|---------|--------------------------------------------|-------------------------------------------------|
| memory  | the kernel has killed processes for memory | go on with half as many tokens at once, 5 times |
| lost    | the process ended, for any other reason    | go on, 3 times                                  |
| stalled | nothing was computed for `--stall-s`       | go on, twice                                    |

A step that is recorded sets the counts back. Failures that the process itself reports end the job: bad data,
divergence, a full disk, a single example that does not fit into memory, and faults of the trainer.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from trainer.engines.base import TrainingFailedError

_ADVICE = (
    "Shorten the longest examples, tune with LoRA instead of in full, choose a smaller base, or give the"
    " trainer more memory."
)
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


class LossCause(StrEnum):
    """Why a training process is gone."""

    MEMORY = "memory"
    LOST = "lost"
    STALLED = "stalled"


_LIMITS = {LossCause.MEMORY: 5, LossCause.LOST: 3, LossCause.STALLED: 2}
_CODES = {
    LossCause.MEMORY: "out_of_memory",
    LossCause.LOST: "training_process_lost",
    LossCause.STALLED: "training_stalled",
}


class ProcessLostError(Exception):
    """The training process is gone; the text completes the sentence "The training process …"."""

    def __init__(self, cause: LossCause, what: str) -> None:
        super().__init__(what)
        self.cause = cause


class _Attempts(msgspec.Struct):
    step: int = 0
    losses: dict[LossCause, int] = {}
    halvings: int = 0
    """How often the tokens computed at once were halved; a step that succeeds does not undo it."""


class Attempts:
    """The attempts at one job, in a file of its work folder, which outlives the server."""

    def __init__(self, work: Path) -> None:
        self._path = work / "attempts.json"

    @property
    def halvings(self) -> int:
        """How often the tokens computed at once must be halved."""
        return self._read().halvings

    def note_loss(self, error: ProcessLostError, step: int) -> str:
        """Record a loss while a step was computed or saved; returns what the job's log should say.

        Raises `TrainingFailedError` once the cause has used up its attempts at this step.
        """
        known = self._read()
        if known.step != step:
            known.step, known.losses = step, {}
        times = known.losses.get(error.cause, 0) + 1
        known.losses[error.cause] = times
        known.halvings += error.cause is LossCause.MEMORY
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(msgspec.json.encode(known))
        if times > _LIMITS[error.cause]:
            raise failed_for_good(error, step, times)
        return f"The training process {error}; the job goes on after step {step - 1}"

    def _read(self) -> _Attempts:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Attempts)
        except (OSError, msgspec.MsgspecError):
            return _Attempts()


def failed_for_good(error: ProcessLostError, step: int, times: int) -> TrainingFailedError:
    """The failure of a job whose process was lost too often; step 0 is the check of its files."""
    where = f"at step {step}" if step else "while the files were checked"
    advice = f" {_ADVICE}" if error.cause is not LossCause.STALLED else " See the trainer's log."
    message = f"The training process {error}, {times} times {where}.{advice}"
    return TrainingFailedError(_CODES[error.cause], message)


def count_memory_kills() -> int:
    """How many processes the kernel has killed for memory since it started; 0 where it does not say."""
    found = 0
    for path in _COUNTERS:
        try:
            lines = path.read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        found += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return found

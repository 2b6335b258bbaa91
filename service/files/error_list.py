"""Write all errors of a check to storage as JSON lines, if there are more than the report lists."""

from contextlib import ExitStack

import msgspec

from service.dataset.check.error_log import MAX_ERRORS, MAX_LISTED
from service.dataset.problems import Problem
from service.files.storing import Out, Stored, writing

_HELD = 1_000


class ErrorList:
    """Collects errors one by one. Deletes what it wrote when `stack` unwinds with an exception."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._out: Out | None = None
        self._held: list[bytes] = []
        self._count = 0

    def add(self, problem: Problem) -> None:
        """Add an error."""
        self._count += 1
        if self._count <= MAX_ERRORS:
            self._held.append(msgspec.json.encode(problem) + b"\n")
        if len(self._held) == _HELD:
            self._flush()

    def close(self) -> Stored | None:
        """Return the stored list; None when the report's own list is complete."""
        if self._count <= MAX_LISTED:
            return None
        return self._flush().close()

    def _flush(self) -> Out:
        self._out = self._out or self._stack.enter_context(writing())
        self._out.write(b"".join(self._held))
        self._held.clear()
        return self._out

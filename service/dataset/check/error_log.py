"""Collect the errors of one check: count and forward all, list some."""

import re
from collections import Counter
from collections.abc import Callable

import msgspec

from service.dataset.problems import Problem

MAX_LISTED = 100
# Explaining an error takes longer than checking a valid line: a file with only errors would take hours.
MAX_ERRORS = 1_000_000
_MIN_REPEATS = 20
_NUMBER = re.compile("[0-9]+")

Sink = Callable[[Problem], None]
Kind = tuple[str, str]


class ErrorLog:
    """The errors in the order found; `sink` receives all, and `listed` returns the first hundred.

    If most examples have the same kind of error, it is listed once, with the number of lines.
    """

    def __init__(self, sink: Sink | None) -> None:
        self.count = 0
        self._sink = sink
        self._first: list[tuple[Kind, Problem]] = []
        self._kinds: Counter[Kind] = Counter()

    @property
    def is_full(self) -> bool:
        """Return whether there are so many errors that the check stops."""
        return self.count >= MAX_ERRORS

    def notes(self) -> list[str]:
        """Return the report's note on a check that stopped."""
        stopped = f"The check stopped after {self.count} errors; the lines that follow were not checked."
        return [stopped] if self.is_full else []

    def add(self, problem: Problem, *, own: bool = False) -> None:
        """Add an error. One that a policy made from a warning is of its `own` kind and never merged."""
        self.count += 1
        # Invalid JSON has no path, but a cause.
        where = problem.message if problem.code == "invalid_json" else problem.path
        kind = problem.code, f"{problem.line}" if own else _NUMBER.sub("*", where)
        if kind in self._kinds or len(self._kinds) < MAX_LISTED:
            self._kinds[kind] += 1
        if len(self._first) < MAX_LISTED or (self._kinds[kind] == 1 and len(self._first) < 2 * MAX_LISTED):
            self._first.append((kind, problem))
        if self._sink is not None:
            self._sink(problem)

    def add_unlisted(self, times: int) -> None:
        """Count further errors without storing them."""
        self.count += times

    def listed(self, examples: int, hint: str) -> list[Problem]:
        """Return the errors to list; `hint` is appended to one that most of the `examples` have."""
        shared = {
            kind for kind, times in self._kinds.items() if times >= _MIN_REPEATS and times * 2 > examples
        }
        shown: list[Problem] = []
        reported: set[Kind] = set()
        for kind, problem in self._first:
            if kind not in shared:
                shown.append(problem)
            elif kind not in reported:
                reported.add(kind)
                message = f"{problem.message} ({self._kinds[kind]} such errors){f'. {hint}' if hint else ''}"
                shown.append(msgspec.structs.replace(problem, message=message))
        return shown[:MAX_LISTED]

"""Collect warnings: list a few of each code, and count all."""

from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

from service.dataset.problems import Flaw, Problem, of_file, on_line

Code = Literal[
    "too_few_examples",
    "secret",
    "personal_data",
    "duplicate",
    "near_duplicate",
    "html",
    "control_characters",
    "truncated",
    "label_imbalance",
    "few_examples_per_label",
    "system_prompts_differ",
    "mixed_languages",
    "missing_separator",
    "missing_stop",
    "missing_space",
    "separator_in_prompt",
    "same_outputs",
    "undeclared_function",
    "invalid_arguments",
    "nothing_left",
]
# In display order, the most serious first.
CODES: tuple[str, ...] = get_args(Code)
MAX_LISTED_EACH = 25


class Warnings:
    """The warnings by code. Those with a code in `as_errors` become errors instead.

    `line_of` maps a checked line to the line of the uploaded file.
    """

    def __init__(self, as_errors: frozenset[str] = frozenset()) -> None:
        self.counts: Counter[str] = Counter()
        self.line_of: Callable[[int], int] = int
        self._as_errors = as_errors
        self._errors: list[Problem] = []
        self._listed: dict[str, list[Problem]] = {code: [] for code in CODES}

    def wants(self, code: str) -> bool:
        """Return whether another warning of this code would be listed."""
        return code in self._as_errors or len(self._listed[code]) < MAX_LISTED_EACH

    def on_line(self, line: int, path: str, code: str, message: str) -> None:
        """Add a warning about a line."""
        if self.wants(code):
            self._add(on_line(self.line_of(line), Flaw(path, code, message)))
        else:
            self.counts[code] += 1

    def of_file(self, code: str, message: str) -> None:
        """Add a warning about the whole file."""
        self._add(of_file(code, message))

    def count(self, code: str, times: int) -> None:
        """Count further warnings of a code without listing them."""
        if code not in self._as_errors:
            self.counts[code] += times

    def take_errors(self) -> list[Problem]:
        """Return the errors added since the last call."""
        errors, self._errors = self._errors, []
        return errors

    def listed(self) -> list[Problem]:
        """Return the listed warnings."""
        return [problem for code in CODES for problem in self._listed[code]]

    def _add(self, problem: Problem) -> None:
        if problem.code in self._as_errors:
            self._errors.append(problem)
            return
        self.counts[problem.code] += 1
        self._listed[problem.code].append(problem)

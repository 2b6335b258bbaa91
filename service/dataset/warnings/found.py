"""Warnings as they are found: a few of each kind are listed, all are counted."""

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
# In the order in which they are shown, the gravest first.
CODES: tuple[str, ...] = get_args(Code)
MAX_LISTED_EACH = 25


class Warnings:
    """Warnings by code. Those in `as_errors` are not among them: all of them become errors.

    `line_of` gives the line of the uploaded file for a line that was checked.
    """

    def __init__(self, as_errors: frozenset[str] = frozenset()) -> None:
        self.counts: Counter[str] = Counter()
        self.line_of: Callable[[int], int] = int
        self._as_errors = as_errors
        self._errors: list[Problem] = []
        self._listed: dict[str, list[Problem]] = {code: [] for code in CODES}

    def wants(self, code: str) -> bool:
        """Whether the words of another warning of that kind will be seen."""
        return code in self._as_errors or len(self._listed[code]) < MAX_LISTED_EACH

    def on_line(self, line: int, path: str, code: str, message: str) -> None:
        """One warning about a line."""
        if self.wants(code):
            self._add(on_line(self.line_of(line), Flaw(path, code, message)))
        else:
            self.counts[code] += 1

    def of_file(self, code: str, message: str) -> None:
        """One warning about the whole file."""
        self._add(of_file(code, message))

    def count(self, code: str, times: int) -> None:
        """More warnings of a kind, which are not listed."""
        if code not in self._as_errors:
            self.counts[code] += times

    def take_errors(self) -> list[Problem]:
        """The errors since the last time this was asked."""
        errors, self._errors = self._errors, []
        return errors

    def listed(self) -> list[Problem]:
        """What is shown."""
        return [problem for code in CODES for problem in self._listed[code]]

    def _add(self, problem: Problem) -> None:
        if problem.code in self._as_errors:
            self._errors.append(problem)
            return
        self.counts[problem.code] += 1
        self._listed[problem.code].append(problem)

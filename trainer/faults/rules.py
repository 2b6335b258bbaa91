"""Scripted faults: rules that match requests and spoil a given number of them."""

from __future__ import annotations

import re
import threading
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Kind = Literal[
    "status",
    "drop_before",
    "drop_after",
    "answer_late",
    "delay",
    "cut_stream",
    "garbage_chunk",
    "no_usage",
    "job_status",
]


class Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One fault. `times` None means every match; the first `skip` matches pass.

    Kinds: `status` answers an error and does nothing; `drop_before` closes the connection and does nothing;
    `drop_after` does the work and loses the answer; `answer_late` does it and answers `delay_s` later;
    `delay` waits `delay_s` first (any other kind may); `cut_stream` and `garbage_chunk` act after `chunks`
    stream pieces; `no_usage` leaves usage out; `job_status` shows `status_name`.
    """

    kind: Kind
    method: str = ".*"
    path: str = ".*"
    times: Annotated[int, Meta(ge=1)] | None = 1
    skip: Annotated[int, Meta(ge=0)] = 0
    delay_s: Annotated[float, Meta(ge=0, le=600)] = 0.0
    status: Annotated[int, Meta(ge=200, le=599)] = 500
    code: str | None = None
    type: str = "server_error"
    message: str = "The server had an error while processing your request."
    param: str | None = None
    headers: dict[str, str] = {}
    body: Any = None
    chunks: Annotated[int, Meta(ge=0)] = 1
    garbage: str = "data: {not json\n\n"
    status_name: str = "moderating"


class Active(msgspec.Struct):
    """An active rule, with the number of times it has matched and acted."""

    rule: Rule
    matched: int = 0
    acted: int = 0


class Faults:
    """The active rules, tried in order, at most one per request. A restart clears them."""

    def __init__(self) -> None:
        self._active: list[Active] = []
        self._lock = threading.Lock()

    def replace(self, rules: list[Rule]) -> None:
        """Put these rules in place of all others; raises re.error for a bad pattern."""
        for rule in rules:
            re.compile(rule.method)
            re.compile(rule.path)
        with self._lock:
            self._active = [Active(rule) for rule in rules]

    def append(self, rules: list[Rule]) -> None:
        """Add rules after those in force; raises re.error for a bad pattern."""
        with self._lock:
            kept = self._active
        self.replace(rules)
        with self._lock:
            self._active = kept + self._active

    def snapshot(self) -> list[Active]:
        """The rules with their counts."""
        with self._lock:
            return list(self._active)

    def take(self, method: str, path: str) -> Rule | None:
        """The rule that applies to this request, counted as used; None if no rule does."""
        with self._lock:
            for active in self._active:
                rule = active.rule
                if rule.times is not None and active.acted >= rule.times:
                    continue
                if not re.fullmatch(rule.method, method) or not re.search(rule.path, path):
                    continue
                active.matched += 1
                if active.matched > rule.skip:
                    active.acted += 1
                    return rule
        return None

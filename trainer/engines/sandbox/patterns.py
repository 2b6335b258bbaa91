"""Writes a text that matches a regular expression: the shortest, from the usual constructs."""

from __future__ import annotations

import re

import re2  # type: ignore[import-untyped]  # ships no annotations

from trainer.engines.sandbox.impossible import ImpossibleError

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
_PRINTABLE = [
    chr(code) for code in (*range(97, 123), *range(48, 58), *range(65, 91), *range(32, 48), *range(58, 127))
]
_QUIET = re2.Options()  # which reads a character class as ECMAScript does, where Python warns about brackets
_QUIET.log_errors = False
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_NAMED_GROUP = re.compile(r"\?(?::|P?<\w+>)")
_SHORTEST_MAX = 10_000


def write_match(pattern: str) -> str:
    """A text that matches; raises `ImpossibleError` for look-around, back references and the like.

    Quantifiers repeat as seldom as they allow, but at least once where they may. The result is not checked
    here: the caller validates the whole value against its schema.
    """
    writer = _Writer(pattern)
    text = writer.alternatives()
    if writer.at < len(pattern):
        raise ImpossibleError(f"the pattern {pattern!r} has a ')' without '('")
    return text


class _Writer:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def alternatives(self) -> str:
        """The first alternative of a group; the others are only read."""
        first = self._sequence()
        while self._next() == "|":
            self.at += 1
            self._sequence()
        return first

    def _sequence(self) -> str:
        said: list[str] = []
        while self._next() not in ("", "|", ")"):
            unit = self._unit()
            said.append(unit * self._times())
            if sum(map(len, said)) > _SHORTEST_MAX:
                raise self._cannot("asks for a very long text")
        return "".join(said)

    def _unit(self) -> str:
        mark = self._take()
        if mark in "^$":
            return ""
        if mark == ".":
            return "a"
        if mark == "(":
            return self._group()
        if mark == "[":
            return self._class()
        return self._escape() if mark == "\\" else mark

    def _group(self) -> str:
        if self._next() == "?":
            found = _NAMED_GROUP.match(self._pattern, self.at)
            if found is None:
                raise self._cannot("has look-around or flags")
            self.at = found.end()
        inner = self.alternatives()
        if self._take() != ")":
            raise self._cannot("has a '(' without ')'")
        return inner

    def _escape(self) -> str:
        mark = self._take()
        if mark in "bB":
            return ""
        if mark in _CLASSES:
            return _CLASSES[mark]
        if mark in "xu":
            size = 2 if mark == "x" else 4
            digits = self._pattern[self.at : self.at + size]
            self.at += size
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise self._cannot(f"has the unknown escape \\{mark}{digits}") from None
        if mark.isalnum() and mark not in _CONTROLS:
            raise self._cannot(f"has \\{mark}")
        return _CONTROLS.get(mark, mark)

    def _class(self) -> str:
        start = self.at
        at = start + (self._pattern[start : start + 1] == "^")
        at += self._pattern[at : at + 1] == "]"
        while at < len(self._pattern) and self._pattern[at] != "]":
            at += 2 if self._pattern[at] == "\\" else 1
        self.at = at + 1
        try:
            one = re2.compile(self._pattern[start - 1 : self.at], _QUIET)
        except re2.error:
            raise self._cannot("has a character class that cannot be read") from None
        candidates = [*_PRINTABLE, *self._pattern[start:at]]
        found: str | None = next((text for text in candidates if one.fullmatch(text)), None)
        if found is None:
            raise self._cannot("has a character class without common characters")
        return found

    def _times(self) -> int:
        mark = self._next()
        times = 1
        if mark in ("?", "*", "+") and mark:
            self.at += 1
        elif mark == "{" and (found := _COUNT.match(self._pattern, self.at)):
            self.at = found.end()
            lowest, highest = int(found[1]), found[2]
            times = max(lowest, 1) if highest != "0" and (highest is not None or lowest) else lowest
            if times > _SHORTEST_MAX:
                raise self._cannot("asks for a very long text")
        else:
            return 1
        if self._next() in ("?", "+"):  # lazy or possessive
            self.at += 1
        return times

    def _next(self) -> str:
        return self._pattern[self.at : self.at + 1]

    def _take(self) -> str:
        mark = self._next()
        if not mark:
            raise self._cannot("ends too early")
        self.at += 1
        return mark

    def _cannot(self, why: str) -> ImpossibleError:
        return ImpossibleError(f"the pattern {self._pattern!r} {why}")

"""Decode one line as JSON, or explain why and where that fails; and write JSON again."""

import json
import re
from collections.abc import Callable, Iterator
from operator import methodcaller
from typing import Any, NoReturn

import msgspec

from service.dataset.problems import Flaw

_CURLY = frozenset("\u201c\u201d\u2018\u2019")
_ends_in_space = methodcaller("endswith", (b" ", b"\t", b"\r", b"\n"))
_SURROGATE = re.compile("[\ud800-\udfff]")


class WrittenNumber(float):
    """A number with a fraction or an exponent that keeps its spelling: `1.10`, `1e5`."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> "WrittenNumber":
        """Parse the number."""
        made = super().__new__(cls, spelling)
        made.spelling = spelling
        return made


def read(line: bytes, *, number: Callable[[str], float] = float) -> Any:
    """Return the JSON value of a line, or a `Flaw` if it is invalid.

    With `number=WrittenNumber`, `write` returns numbers as they were written.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as bad:
        return Flaw("", "not_utf8", f"is not UTF-8 at byte {bad.start + 1}: {bad.reason}")
    try:
        value = json.loads(text, parse_float=number, parse_constant=_refuse, object_pairs_hook=_object)
        return next(_lone_surrogates(value, ""), value)
    except _RepeatedField as bad:
        return Flaw("", "duplicate_field", f"has the field {bad.name[:60]!r} twice in one object; keep one")
    except json.JSONDecodeError as bad:
        return Flaw("", "invalid_json", _cause(text, bad))
    except RecursionError:
        return Flaw("", "too_deep", "is nested too deeply")
    except ValueError as bad:
        too_long = "has a number with thousands of digits" if "digits" in str(bad) else f"is not JSON: {bad}"
        return Flaw("", "invalid_json", too_long)


def has_only_fields(line: bytes, fields: int) -> bool:
    """Return whether a valid line has so many fields at most, repeated ones included, without decoding it."""
    return line.count(b'":') == fields and _names_plainly(line)


def repeated_field(line: bytes) -> Flaw | None:
    """Return the flaw of a valid line, or of another JSON text, that has a field twice in one object.

    Decoders keep the last one silently. Only a line with more `":` than fields is decoded in full.
    """
    named = line.count(b'":') - line.count(b'\\":')
    try:
        if _names_plainly(line) and named == _fields_in(msgspec.json.decode(line)):
            return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # in a part that the format's own decoder skips, and reads later
    found = read(line)
    return found if isinstance(found, Flaw) else None


def write(value: Any) -> bytes:
    """Return a value as JSON. Raises `TypeError`, `ValueError`, `OverflowError` or `RecursionError`."""
    return _ENCODER.encode(value)


def _spelling(value: Any) -> msgspec.Raw:
    if isinstance(value, WrittenNumber):
        return msgspec.Raw(value.spelling.encode())
    raise TypeError(f"a {type(value).__name__} is not JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_spelling)


def _names_plainly(line: bytes) -> bool:
    """Return whether no space parts a field's name from its colon, so that each field is a `":`."""
    return not any(map(_ends_in_space, line.split(b":")))


def _fields_in(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_fields_in, value.values()))
    return sum(map(_fields_in, value)) if isinstance(value, list) else 0


class _RepeatedField(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedField(next(name for at, name in enumerate(names) if name in names[:at]))
    return made


def _cause(text: str, bad: json.JSONDecodeError) -> str:
    """Return what is wrong where decoding stopped, and how to correct it."""
    where = f"is not JSON at column {bad.colno}"
    found = text[bad.pos : bad.pos + 1]
    if found in _CURLY:
        return f"{where}: {found} is a curly quote; write a straight one"
    if found == "'":
        return f"{where}: strings and names need double quotes"
    if bad.pos >= len(text.rstrip()):
        return f"{where}: the line ends before the value does; write each example on one line"
    if bad.msg == "Extra data":
        rest = "a comma follows the value; remove it" if found == "," else "another value begins here"
        return f"{where}: {rest}; write one JSON object on each line"
    if bad.pos == 0:
        return f"{where}: expected a JSON object, which starts with '{{'"
    if text[bad.pos - 1 : bad.pos] == "," or (found in "}]" and text[: bad.pos].rstrip().endswith(",")):
        return f"{where}: a comma comes before a closing bracket; remove it"
    return f"{where}: {bad.msg}"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _lone_surrogates(value: Any, path: str) -> Iterator[Flaw]:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            yield Flaw(path, "lone_surrogate", "has half of a surrogate pair (\\ud800 to \\udfff)")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _lone_surrogates(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if _SURROGATE.search(name):
                yield Flaw(path, "lone_surrogate", "has a field name with half of a surrogate pair")
            yield from _lone_surrogates(item, f"{path}.{name}" if path else name)

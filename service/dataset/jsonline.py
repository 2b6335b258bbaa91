"""Read one line as JSON and, where that fails, say why and where. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from service.dataset.problems import Flaw

_SURROGATE = re.compile("[\ud800-\udfff]")


def read(line: bytes) -> Any:
    """The JSON value on a line, or the `Flaw` that keeps it from being one."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as bad:
        return Flaw("", "not_utf8", f"is not UTF-8 at byte {bad.start + 1}: {bad.reason}")
    try:
        value = json.loads(text, parse_constant=_refuse)
        return next(_lone_surrogates(value, ""), value)
    except json.JSONDecodeError as bad:
        return Flaw("", "invalid_json", f"is not JSON at column {bad.colno}: {bad.msg}")
    except RecursionError:
        return Flaw("", "too_deep", "is nested too deeply")
    except ValueError as bad:
        return Flaw("", "invalid_json", f"is not JSON: {bad}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


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

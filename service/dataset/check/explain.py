"""Say what is wrong with a line that does not decode. It may be slow: wrong lines are few."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec

from service.dataset.complaints import described
from service.dataset.formats.base import Format
from service.dataset.formats.detect import format_of
from service.dataset.jsonline import read
from service.dataset.problems import Flaw

_MAX_FLAWS = 20
# Chat and reinforcement both have `messages`, so a single line does not tell them apart.
_TOLD_APART = ("chat", "completion", "preference")


def explain(line: bytes, fmt: Format) -> list[Flaw]:
    """Return 1 to 20 flaws of a line that `fmt` could not decode."""
    value = read(line)
    if isinstance(value, Flaw):
        return [value]
    if not isinstance(value, dict):
        return [not_an_object(value)]
    looks_like = format_of(value)
    if looks_like not in (None, fmt.name) and fmt.name in _TOLD_APART and looks_like in _TOLD_APART:
        return [Flaw("", "wrong_format", f"is a {looks_like} example in a file of {fmt.name} examples")]
    flaws = list(islice(_distinct(_mismatches(value, fmt)), _MAX_FLAWS))
    return flaws or [Flaw("", "invalid_json", _unreadable(line))]


def _unreadable(line: bytes) -> str:
    """Say what the format's decoder refuses in JSON that Python reads, such as the number 1e999."""
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as bad:
        return f"cannot be read: {str(bad)[:1].lower()}{str(bad)[1:]}"
    return "is not valid JSON"


def not_an_object(value: Any) -> Flaw:
    """Return the flaw of a line that is JSON, but not an object."""
    is_chat = isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]
    wrap = '; write the messages as {"messages": […]}' if is_chat else ""
    return Flaw("", "not_an_object", f"expected a JSON object, got {_json_type(value)}{wrap}")


def _distinct(flaws: Iterable[Flaw]) -> Iterator[Flaw]:
    """Yield each flaw once. Lazy, because a line may have millions."""
    seen: set[Flaw] = set()
    for flaw in flaws:
        if flaw not in seen:
            seen.add(flaw)
            yield flaw


def _mismatches(value: dict[str, Any], fmt: Format) -> Iterator[Flaw]:
    for path, item_type in fmt.items.items():
        items: Any = value
        for key in path:
            items = items.get(key) if isinstance(items, dict) else None
        for number, item in enumerate(items if isinstance(items, list) else ()):
            yield from _mismatch(item, item_type, f"{'.'.join(path)}[{number}]")
    yield from _mismatch(value, fmt.example, "")


def _mismatch(value: Any, wanted: Any, prefix: str) -> Iterator[Flaw]:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as bad:
        yield described(str(bad), prefix)
    except RecursionError:
        yield Flaw(prefix, "too_deep", "is nested too deeply")


def _json_type(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")

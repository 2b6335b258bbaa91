"""Read table cells as text, messages or JSON, and refuse all others.

Text is a string or a whole number. Messages are a list of `{"role", "content"}`, ShareGPT's `{"from",
"value"}`, or either as JSON in a string. Floats, dates, bytes and objects are refused because they have no
single text form: `1.10` and `1.1` are the same float.
"""

import math
import re
from typing import Any

from service.dataset.jsonline import WrittenNumber, read
from service.dataset.problems import Flaw

Message = dict[str, Any]
# What `str()` and numpy write for a list of messages.
_PYTHON_LIST = re.compile(r"\s*(?:array\()?\[\s*\{\s*'(?:role|content|from|value)'\s*:")
_SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant"}


class Misfit(ValueError):
    """A cell of the wrong type for its column; the message says what it holds."""


def is_missing(cell: Any) -> bool:
    """Return whether a cell is empty: null, an empty string, or the NaN that pandas writes for null."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def text(cell: Any) -> str:
    """Return the cell as text. Raises `Misfit`."""
    if isinstance(cell, str):
        if _PYTHON_LIST.match(cell):
            raise Misfit("holds a list in Python's notation; write it as JSON")
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    if is_missing(cell):
        raise Misfit("is empty; enter a text")
    raise Misfit(f"holds {_kind(cell)}; write it as text")


def holds_messages(cell: Any) -> bool:
    """Return whether a cell looks like a list of messages, or JSON of one."""
    return _is_messages(_parsed(cell) if isinstance(cell, str) and cell.lstrip()[:1] == "[" else cell)


def messages(cell: Any) -> list[Message]:
    """Return the cell as messages in OpenAI's form. Raises `Misfit`."""
    found = structured(cell)
    if not _is_messages(found):
        raise Misfit(f"holds {_kind(found)}; expected a list of messages")
    return [_message(one) for one in found]


def structured(cell: Any) -> Any:
    """Return the JSON value of a cell, parsing it if it is text. Raises `Misfit`."""
    if not isinstance(cell, str):
        return plain(cell)
    value = _parsed(cell)
    if isinstance(value, Flaw):
        raise Misfit(value.message)
    return plain(value)


def plain(cell: Any) -> Any:
    """Return a JSON value without the nulls that Parquet writes for missing fields. Raises `Misfit`."""
    if isinstance(cell, dict):
        return {str(name): plain(value) for name, value in cell.items() if not is_absent(value)}
    if isinstance(cell, list | tuple):
        return [plain(value) for value in cell]
    if isinstance(cell, float) and not math.isfinite(cell):
        raise Misfit(f"holds {cell}, which JSON cannot express")
    if cell is None or isinstance(cell, str | int | float):
        return cell
    raise Misfit(f"holds {_kind(cell)}; write it as text")


def reference(cell: Any) -> Any:
    """Return a value for a grader, unchanged. Raises `Misfit` if JSON cannot express it."""
    if isinstance(cell, dict):
        return {str(name): reference(value) for name, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [reference(value) for value in cell]
    return None if cell is None else plain(cell)


def is_absent(value: Any) -> bool:
    """Return whether a value stands for a missing field."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _parsed(cell: str) -> Any:
    return read(cell.encode("utf-8", "surrogatepass"), number=WrittenNumber)


def _is_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and ("role" in one or "from" in one) for one in value)
    )


def _message(one: Message) -> Message:
    if "role" in one:
        return one
    speaker = one["from"]
    if not isinstance(speaker, str) or "value" not in one:
        raise Misfit("has a message without 'role' and 'content', or 'from' and 'value'")
    # Other fields, such as `weight`, mean something to someone: the check accepts or refuses them by name.
    rest = {name: value for name, value in one.items() if name not in ("from", "value")}
    return {"role": _SPEAKERS.get(speaker, speaker), "content": one["value"], **rest}


def _kind(cell: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        float: "a decimal number",
        WrittenNumber: "a decimal number",
        int: "a number",
        bytes: "bytes",
        type(None): "nothing",
    }
    return names.get(type(cell), f"a {type(cell).__name__}")

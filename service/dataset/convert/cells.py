"""Read table cells as text, messages or JSON, and refuse all others.

Text is a string or a whole number. Messages are a list of `{"role", "content"}`, ShareGPT's `{"from",
"value"}`, or either as JSON in a string. Floats, dates, bytes and objects are refused because they have no
single text form: `1.10` and `1.1` are the same float.
"""

import json
import math
from typing import Any

Message = dict[str, Any]
_SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant"}


class Misfit(ValueError):
    """A cell of the wrong type for its column; the message says what it holds."""


def is_missing(cell: Any) -> bool:
    """Return whether a cell is empty: null, an empty string, or the NaN that pandas writes for null."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def text(cell: Any) -> str:
    """Return the cell as text. Raises `Misfit`."""
    if isinstance(cell, str):
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
    if value is None and cell.strip() != "null":
        raise Misfit("is not JSON")
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


def is_absent(value: Any) -> bool:
    """Return whether a value stands for a missing field."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _parsed(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


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
    return {"role": _SPEAKERS.get(speaker, speaker), "content": one["value"]}


def _kind(cell: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        float: "a decimal number",
        int: "a number",
        bytes: "bytes",
        type(None): "nothing",
    }
    return names.get(type(cell), f"a {type(cell).__name__}")

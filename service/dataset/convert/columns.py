"""From a table's row to an example, by the names of its columns. Pure.

| columns | becomes |
|---|---|
| `messages` (JSON or a list), perhaps `tools`, `parallel_tool_calls` | chat; reinforcement when asked for |
| `user` and `assistant`, or `question` and `answer`, or `instruction` and `output`; perhaps `system` | chat |
| `prompt` and `completion` | completion |
| `prompt`, `chosen`, `rejected`; or `input`, `preferred_output`, `non_preferred_output` | preference |
"""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from service.dataset.convert.rows import Row
from service.dataset.convert.unpack import Unreadable

Example = dict[str, Any]
Build = Callable[[Row], Example]
_PAIRS = (("user", "assistant"), ("question", "answer"), ("instruction", "output"))
_PREFERENCE_FIELDS = ("input", "preferred_output", "non_preferred_output")
_WANTED = (
    "'messages'; 'user' and 'assistant'; 'prompt' and 'completion'; 'prompt', 'chosen' and 'rejected'; "
    "or say in /convert which 'columns' stand for these"
)


def renamed(row: Row, columns: Mapping[str, str]) -> Row:
    """A row by the names that `columns` gives (wanted name → the table's own)."""
    if not columns:
        return row
    rest = {name: cell for name, cell in row.items() if name not in columns.values()}
    return rest | {ours: row[theirs] for ours, theirs in columns.items() if theirs in row}


def builder(names: Collection[str], format_name: str | None) -> Build:
    """What makes examples of rows with these columns. Raises `Unreadable` when nothing can."""
    if "messages" in names:
        keep_all = format_name == "reinforcement"
        return lambda row: _structured(row, row if keep_all else ("messages", "tools", "parallel_tool_calls"))
    if set(_PREFERENCE_FIELDS) <= set(names):
        return lambda row: _structured(row, _PREFERENCE_FIELDS)
    if {"prompt", "chosen", "rejected"} <= set(names):
        return _preference
    if {"prompt", "completion"} <= set(names):
        return lambda row: {name: _text(row[name]) for name in ("prompt", "completion")}
    if format_name == "reinforcement" and "user" in names:
        return _reinforcement
    for user, assistant in _PAIRS:
        if {user, assistant} <= set(names):
            return lambda row, user=user, assistant=assistant: _chat(row, user, assistant)  # type: ignore[misc]
    shown = ", ".join(repr(name[:40]) for name in list(names)[:20])
    raise Unreadable(f"The columns {shown} make no examples. Wanted: {_WANTED}.")


def _chat(row: Row, user: str, assistant: str) -> Example:
    return {"messages": [*_opening(row, user), {"role": "assistant", "content": _text(row[assistant])}]}


def _preference(row: Row) -> Example:
    return {
        "input": {"messages": _opening(row, "prompt")},
        "preferred_output": [{"role": "assistant", "content": _text(row["chosen"])}],
        "non_preferred_output": [{"role": "assistant", "content": _text(row["rejected"])}],
    }


def _reinforcement(row: Row) -> Example:
    references = {name: cell for name, cell in row.items() if name not in ("user", "system")}
    return {"messages": _opening(row, "user")} | references


def _opening(row: Row, user: str) -> list[Example]:
    system = _text(row.get("system"))
    asked = _text(row[user])
    if user == "instruction" and row.get("input"):
        asked = f"{asked}\n\n{_text(row['input'])}"
    first = [{"role": "system", "content": system}] if system else []
    return [*first, {"role": "user", "content": asked}]


def _structured(row: Row, names: Collection[str]) -> Example:
    """Cells that hold JSON as text are read, those that are lists already are taken, empty ones left out."""
    return {name: _value(row[name]) for name in names if row.get(name) not in (None, "")}


def _value(cell: Any) -> Any:
    if isinstance(cell, str):
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return _without_nulls(cell)


def _without_nulls(cell: Any) -> Any:
    """Parquet fills the fields that a message lacks with null; the formats want them left out."""
    if isinstance(cell, dict):
        return {name: _without_nulls(value) for name, value in cell.items() if value is not None}
    if isinstance(cell, list):
        return [_without_nulls(value) for value in cell]
    return cell


def _text(cell: Any) -> str:
    return "" if cell is None else cell if isinstance(cell, str) else str(cell)

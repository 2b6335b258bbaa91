"""Remove what SDKs and table formats add to an example: nulls, and fields that only answers have.

An SDK's `model_dump()` of a message contains `"audio": null`, `"annotations": []` and more. These do not
affect training, and providers refuse some of them.
"""

from typing import Any

from service.dataset.jsonline import WrittenNumber, read, write

Example = dict[str, Any]
# Fields of answers that training messages do not have.
_ONLY_IN_ANSWERS = frozenset({"annotations"})
_MARKS = (b"null", b'"annotations"', b'"index"')
_REQUIRED = ("messages", "prompt", "completion", "input", "preferred_output", "non_preferred_output")
_DEFINITIONS = frozenset({"tools", "functions", "parallel_tool_calls"})
_LISTS = ("messages", "preferred_output", "non_preferred_output")


def may_need_normalising(line: bytes) -> bool:
    """Return whether a line may contain what `normalised` removes, without decoding it."""
    return any(mark in line for mark in _MARKS)


def normal_line(line: bytes) -> bytes | None:
    """Return a line of JSON without these fields; None if it has none of them, or is not an object."""
    if not may_need_normalising(line):
        return None
    value = read(line, number=WrittenNumber)
    if not isinstance(value, dict):
        return None
    removed: set[str] = set()
    plain = normalised(value, removed)
    return write(plain) if removed else None


def normalised(example: Example, removed: set[str]) -> Example:
    """Return the example without these fields, whose names it adds to `removed`. Keeps references."""
    asks = _is_prompt(example)
    made = _without_nulls(example, removed, kept=tuple(example.keys() - _DEFINITIONS) if asks else _REQUIRED)
    for name in ("messages",) if asks else _LISTS:
        if isinstance(made.get(name), list):
            made[name] = [_message(one, removed) for one in made[name]]
    if not asks and isinstance(made.get("input"), dict):
        made["input"] = normalised(made["input"], removed)
    return made


def _is_prompt(example: Example) -> bool:
    """Return whether this asks for an answer, as in reinforcement, whose other fields are for the grader."""
    messages = example.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") != "assistant"


def _message(message: Any, removed: set[str]) -> Any:
    if not isinstance(message, dict):
        return message
    made = _without_nulls(message, removed, kept=("content",))
    for name in _ONLY_IN_ANSWERS & made.keys():
        del made[name]
        removed.add(name)
    if isinstance(made.get("content"), list):
        made["content"] = [_part(part, removed) for part in made["content"]]
    if isinstance(made.get("tool_calls"), list):
        made["tool_calls"] = [_call(call, removed) for call in made["tool_calls"]]
    return made


def _part(part: Any, removed: set[str]) -> Any:
    if not isinstance(part, dict):
        return part
    made = _without_nulls(part, removed)
    if isinstance(made.get("image_url"), dict):
        made["image_url"] = _without_nulls(made["image_url"], removed)
    return made


def _call(call: Any, removed: set[str]) -> Any:
    if not isinstance(call, dict):
        return call
    made = _without_nulls(call, removed)
    if isinstance(made.get("index"), int):  # a call's index in a stream
        del made["index"]
        removed.add("index")
    return made


def _without_nulls(value: dict[str, Any], removed: set[str], kept: tuple[str, ...] = ()) -> dict[str, Any]:
    nulls = {name for name, item in value.items() if item is None and name not in kept}
    removed |= nulls
    return {name: item for name, item in value.items() if name not in nulls}

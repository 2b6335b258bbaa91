"""Detect a file's format from its examples."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from service.dataset.formats.base import Format
from service.dataset.formats.chat import CHAT
from service.dataset.formats.completion import COMPLETIONS
from service.dataset.formats.preference import PREFERENCE
from service.dataset.formats.reinforcement import REINFORCEMENT
from service.dataset.jsonline import read

FORMATS: dict[str, Format] = {fmt.name: fmt for fmt in (CHAT, COMPLETIONS, PREFERENCE, REINFORCEMENT)}
FormatName = Literal["chat", "completion", "preference", "reinforcement"]
_REASONS = {
    "chat": "'messages' and no fields for a grader",
    "completion": "'prompt' or 'completion'",
    "preference": "'preferred_output' or 'non_preferred_output'",
    "reinforcement": "'messages' that end with a question, and fields for a grader",
}
_OVERRIDE = "If that is wrong, upload the file again with the form field 'format'."
_LOOKED_AT = 50
_PREFERENCE_FIELDS = frozenset({"preferred_output", "non_preferred_output"})
_CHAT_FIELDS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})


class Detected(NamedTuple):
    """A format, and why it was chosen."""

    format: Format
    reason: str


def detect(lines: Iterable[bytes | None]) -> Detected | None:
    """Return the format of most of the first 50 lines that are JSON objects; None if none is known."""
    votes: Counter[str] = Counter()
    looked_at = 0
    for line in lines:
        value = read(line) if line else None
        if isinstance(value, dict):
            votes.update(filter(None, [format_of(value)]))
            looked_at += 1
            if looked_at == _LOOKED_AT:
                break
    if not votes:
        return None
    [(name, voters)] = votes.most_common(1)
    who = f"{voters} of its first {looked_at}" if voters < looked_at else "its"
    reason = f"The file was read as {name} because {who} examples have {_REASONS[name]}. {_OVERRIDE}"
    return Detected(FORMATS[name], reason)


def declared(name: str) -> Detected:
    """Return the format that the upload names. Raises `KeyError`."""
    return Detected(FORMATS[name], f"The file was read as {name} because its 'format' says so.")


def format_of(example: dict[str, Any]) -> str | None:
    """Return the name of the format that one example seems to have."""
    if not example.keys().isdisjoint(_PREFERENCE_FIELDS):
        return "preference"
    if "messages" in example:
        return "reinforcement" if _asks_and_refers(example) else "chat"
    if "prompt" in example or "completion" in example:
        return "completion"
    return None


def _asks_and_refers(example: dict[str, Any]) -> bool:
    """Return whether a conversation is a reinforcement prompt: it has references and no answer."""
    messages = example["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    answered = isinstance(last, dict) and last.get("role") == "assistant"
    return not answered and not example.keys() <= _CHAT_FIELDS

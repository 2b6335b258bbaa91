"""Tell a file's format by what its examples hold."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from service.dataset.formats.base import Format
from service.dataset.formats.chat import CHAT
from service.dataset.formats.completion import COMPLETIONS
from service.dataset.formats.preference import PREFERENCE
from service.dataset.formats.reinforcement import REINFORCEMENT
from service.dataset.jsonline import read

FORMATS: dict[str, Format] = {fmt.name: fmt for fmt in (CHAT, COMPLETIONS, PREFERENCE, REINFORCEMENT)}
FormatName = Literal["chat", "completion", "preference", "reinforcement"]
_REASONS = {
    "chat": "its examples have 'messages' and no fields for a grader",
    "completion": "its examples have 'prompt' or 'completion'",
    "preference": "its examples have 'preferred_output' or 'non_preferred_output'",
    "reinforcement": "its examples end with a question and have fields for a grader",
}
_OVERRIDE = "To have it read otherwise, upload it with the form field 'format'."
_LOOKED_AT = 50
_PREFERENCE_FIELDS = frozenset({"preferred_output", "non_preferred_output"})
_CHAT_FIELDS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})


def detect(lines: Iterable[bytes | None]) -> Format | None:
    """The format of most of the first 50 lines that are JSON objects; None when none is known."""
    votes: Counter[str] = Counter()
    looked_at = 0
    for line in lines:
        value = read(line) if line else None
        if isinstance(value, dict):
            votes.update(filter(None, [format_of(value)]))
            looked_at += 1
            if looked_at == _LOOKED_AT:
                break
    return FORMATS[votes.most_common(1)[0][0]] if votes else None


def reason_for(fmt: Format) -> str:
    """Why a file was read in a format that nobody declared, and what to do about it."""
    return f"The file was read as {fmt.name} because {_REASONS[fmt.name]}. {_OVERRIDE}"


def format_of(example: dict[str, Any]) -> str | None:
    """The name of the format one example seems to be in."""
    if not example.keys().isdisjoint(_PREFERENCE_FIELDS):
        return "preference"
    if "messages" in example:
        return "reinforcement" if _asks_and_refers(example) else "chat"
    if "prompt" in example or "completion" in example:
        return "completion"
    return None


def _asks_and_refers(example: dict[str, Any]) -> bool:
    """Whether a conversation is a prompt with references for a grader: there are some, and no answer."""
    messages = example["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    answered = isinstance(last, dict) and last.get("role") == "assistant"
    return not answered and not example.keys() <= _CHAT_FIELDS

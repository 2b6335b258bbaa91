"""Tell a file's format by what its examples hold. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from service.datasets.formats.base import Format
from service.datasets.formats.chat import CHAT
from service.datasets.formats.completion import COMPLETIONS
from service.datasets.jsonline import read

FORMATS: dict[str, Format] = {fmt.name: fmt for fmt in (CHAT, COMPLETIONS)}
FormatName = Literal["chat", "completion", "preference", "reinforcement"]
_LOOKED_AT = 50


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


def format_of(example: dict[str, Any]) -> str | None:
    """The name of the format one example is in, by its fields alone."""
    if "messages" in example:
        return "chat"
    if "prompt" in example or "completion" in example:
        return "completion"
    return None

"""The texts inside requests and answers, for counting tokens where the provider does not. Pure."""

from typing import Any

import msgspec
from msgspec import Raw

from service.gateway.dialects.base import Prompt

# Keys whose strings a model does not read: images and sounds have prices of their own, ids none.
_UNREAD = frozenset({"image_url", "input_audio", "file", "type", "id", "weight"})


def strings_in(value: Any) -> list[str]:
    """Every string in a JSON value that a model would read or has written."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in strings_in(item)]
    if isinstance(value, dict):
        return [text for key, item in value.items() if key not in _UNREAD for text in strings_in(item)]
    return []


def prompt_of(fields: dict[str, Raw], field: str) -> Prompt:
    """The texts of `messages`, `prompt` or `input`, of the instructions and of the tools' descriptions."""
    given = _decode(fields.get(field))
    messages = len(given) if isinstance(given, list) and field != "prompt" else 0
    others = [_decode(fields.get(name)) for name in ("instructions", "tools", "functions")]
    return Prompt(strings_in([_without_roles(given), *others]), messages)


def prompts_in(prompt: Raw | None) -> int:
    """How many prompts a legacy completion asks about: a list of texts or of token lists is several."""
    value = _decode(prompt)
    several = isinstance(value, list) and value and isinstance(value[0], str | list)
    return len(value) if several else 1


def _decode(raw: Raw | None) -> Any:
    return msgspec.json.decode(raw) if raw is not None else None


def _without_roles(given: Any) -> Any:
    if not isinstance(given, list):
        return given
    # A role is one token, which the framing of a message already counts.
    return [
        {key: item for key, item in one.items() if key != "role"} if isinstance(one, dict) else one
        for one in given
    ]

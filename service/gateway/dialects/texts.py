"""The texts inside requests, for counting tokens where the provider does not."""

from typing import Any

import msgspec
from msgspec import Raw

from service.dataset import countable
from service.dataset.countable import Countable


def prompt_of(fields: dict[str, Raw], field: str) -> Countable:
    """What the model reads of `messages`, `prompt` or `input`, of the instructions and of the tools."""
    given = _decode(fields.get(field))
    if field == "prompt":
        return countable.of_prompt(given)
    tools, functions, instructions = (
        _decode(fields.get(name)) for name in ("tools", "functions", "instructions")
    )
    messages = given if isinstance(given, list) else [{"content": given}]
    opening = [] if instructions is None else [{"content": instructions}]
    return countable.of_chat([*opening, *messages], tools, functions)


def prompts_in(prompt: Raw | None) -> int:
    """How many prompts a legacy completion asks about: a list of texts or of token lists is several."""
    value = _decode(prompt)
    several = isinstance(value, list) and value and isinstance(value[0], str | list)
    return len(value) if several else 1


def _decode(raw: Raw | None) -> Any:
    return msgspec.json.decode(raw) if raw is not None else None

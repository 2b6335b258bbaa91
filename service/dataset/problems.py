"""Flaws of lines and problems of files, as values.

Codes: `not_utf8`, `lone_surrogate`, `invalid_json`, `duplicate_field`, `too_deep`, `line_too_long`,
`blank_line`, `not_an_object`, `wrong_format`, `missing_field`, `unknown_field`, `wrong_type`,
`invalid_value`, `unknown_role`, `invalid_weight`, `empty_content`, `missing_assistant`,
`ends_with_assistant`, `unanswered_tool_call`, `unknown_tool_call`, `not_text`, `too_many_messages`,
`image_not_allowed`, `invalid_image`, `invalid_tool`, `image_too_large`, `too_many_images`, and of the whole
file `empty_file`, `unknown_format`, `too_many_examples`, `nothing_trained`. Warnings are in `warnings/found`.
"""

from typing import NamedTuple

import msgspec

MAX_MESSAGE_CHARS = 300
MAX_PATH_CHARS = 200


class Flaw(NamedTuple):
    """A flaw at `path` (such as `messages[2].role`, or empty for the whole example)."""

    path: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """A flaw and its line, from 1; None means the whole file."""

    line: int | None
    path: str
    code: str
    message: str

    def __str__(self) -> str:
        where = [f"line {self.line}" if self.line else "", self.path]
        prefix = ", ".join(part for part in where if part)
        return f"{prefix}: {self.message}" if prefix else self.message


def on_line(line: int, flaw: Flaw) -> Problem:
    """Return a flaw as a problem on `line`; quoted data is shortened and made printable."""
    path, message = _shown(flaw.path, MAX_PATH_CHARS), _shown(flaw.message, MAX_MESSAGE_CHARS)
    return Problem(line, path, flaw.code, message)


def of_file(code: str, message: str) -> Problem:
    """Return a problem of the whole file."""
    return Problem(None, "", code, message)


def _shown(text: str, limit: int) -> str:
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    # PostgreSQL can store neither NUL nor half of a surrogate pair, and the data may contain both.
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)

"""What can be wrong with a line, as values.

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
    """One thing wrong at `path` (such as `messages[2].role`, or empty for the whole example)."""

    path: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """A flaw and the line it is on, counted from 1; null when the whole file is meant."""

    line: int | None
    path: str
    code: str
    message: str

    def __str__(self) -> str:
        where = [f"line {self.line}" if self.line else "", self.path]
        prefix = ", ".join(part for part in where if part)
        return f"{prefix}: {self.message}" if prefix else self.message


def on_line(line: int, flaw: Flaw) -> Problem:
    """`flaw` found on `line`, with whatever the data brought into its texts made short and printable."""
    path, message = _shown(flaw.path, MAX_PATH_CHARS), _shown(flaw.message, MAX_MESSAGE_CHARS)
    return Problem(line, path, flaw.code, message)


def of_file(code: str, message: str) -> Problem:
    """A problem of the file as a whole."""
    return Problem(None, "", code, message)


def _shown(text: str, limit: int) -> str:
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    # Postgres can hold neither NUL nor half of a surrogate pair, and both can come from the data.
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)

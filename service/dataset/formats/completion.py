"""Prompt and completion, for the base models before chat: `{"prompt": "…", "completion": "…"}`. Pure."""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.dataset.formats.base import Format
from service.dataset.formats.sheet import COMPLETION, PROMPT, Sheet
from service.dataset.formats.tools import ToolBook
from service.dataset.problems import Flaw
from service.dataset.tokens import COMPLETION_ENCODING


class CompletionExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One prompt, which may be empty, and what should follow it."""

    prompt: str
    completion: Annotated[str, Meta(min_length=1)]


def lay_out(example: CompletionExample, page: Sheet, _: ToolBook) -> list[Flaw]:
    """Put a pair on the sheet; nothing can be wrong that its type does not say."""
    page.put(example.prompt, PROMPT)
    page.put(example.completion, COMPLETION)
    page.end(0)
    return []


COMPLETIONS = Format(
    name="completion",
    method="supervised",
    encoding=COMPLETION_ENCODING,
    example=CompletionExample,
    decode=msgspec.json.Decoder(CompletionExample).decode,
    lay_out=lay_out,
    items={},
)

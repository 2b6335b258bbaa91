"""Prompt and completion, for the base models before chat: `{"prompt": "…", "completion": "…"}`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.dataset.formats.base import Format
from service.dataset.formats.batch_texts import COMPLETION, PROMPT, BatchTexts
from service.dataset.formats.tools import ToolBook
from service.dataset.problems import Flaw
from service.dataset.tokens import COMPLETION_ENCODING


class CompletionExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One prompt, which may be empty, and its completion."""

    prompt: str
    completion: Annotated[str, Meta(min_length=1)]


def lay_out(example: CompletionExample, laid: BatchTexts, _: ToolBook) -> list[Flaw]:
    """Add a pair to the batch; its type already checks everything."""
    laid.put(example.prompt, PROMPT)
    laid.put(example.completion, COMPLETION)
    laid.end(0)
    return []


COMPLETIONS = Format(
    name="completion",
    method="supervised",
    encoding=COMPLETION_ENCODING,
    example=CompletionExample,
    decode=msgspec.json.Decoder(CompletionExample).decode,
    lay_out=lay_out,
    items={},
    least_fields=lambda _: 2,
)

"""What every format is to the checker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.formats.tools import ToolBook
from service.dataset.problems import Flaw


@dataclass(frozen=True)
class Format:
    """One way to write training examples as JSON objects, a line each.

    `example` is the type a line decodes to. `lay_out` puts a decoded example's texts on the batch,
    applies the rules a type cannot express, and returns the flaws found (then nothing of it stays on the
    batch_texts). `items` names the lists whose members are looked at one by one when the whole does not
    decode. `method` is the training method that takes this format, and at most `max_examples` of it;
    `trains_tokens` says whether it learns texts of the examples themselves.
    """

    name: str
    method: str
    encoding: str
    example: type[msgspec.Struct]
    decode: Callable[[bytes], Any]
    lay_out: Callable[[Any, BatchTexts, ToolBook], list[Flaw]]
    items: Mapping[tuple[str, ...], Any]
    trains_tokens: bool = True
    max_examples: int | None = None

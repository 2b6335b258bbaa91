"""The interface of a dataset format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.formats.tools import ToolBook
from service.dataset.problems import Flaw


@dataclass(frozen=True)
class Format:
    """A format of training examples, one JSON object per line.

    `example` is the type of a decoded line. `lay_out` adds an example's texts to the batch, checks the rules
    that a type cannot express, and returns the flaws; a flawed example leaves nothing in the batch. `items`
    names the lists whose members are decoded one by one to explain an error. `least_fields` returns the
    number of fields, in all its objects, that a valid example cannot do without. `method` is the training
    method that uses this format, with at most `max_examples` examples; `trains_tokens` says whether the model
    learns texts of the examples.
    """

    name: str
    method: str
    encoding: str
    example: type[msgspec.Struct]
    decode: Callable[[bytes], Any]
    lay_out: Callable[[Any, BatchTexts, ToolBook], list[Flaw]]
    items: Mapping[tuple[str, ...], Any]
    least_fields: Callable[[Any], int]
    trains_tokens: bool = True
    max_examples: int | None = None

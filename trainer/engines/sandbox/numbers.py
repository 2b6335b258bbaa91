"""Numbers within the bounds of a schema."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from trainer.engines.sandbox.impossible import ImpossibleError


def write_number(schema: Mapping[str, Any], number: int, *, whole: bool) -> int | float:
    """A number of the schema, the `number`-th so that siblings differ; raises `ImpossibleError`."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    step = schema.get("multipleOf") or (1 if whole else None)
    candidates = _between(low, high, number) if step is None else _multiples(low, high, step)
    fitting = [value for value in candidates if _fits(value, schema)]
    if not fitting:
        raise ImpossibleError(f"the sandbox finds no number from {low} to {high} for it")
    if step is None:
        return fitting[0]
    value = next(islice(fitting, number, None), fitting[-1])
    return int(value) if whole else value


def _fits(value: float, schema: Mapping[str, Any]) -> bool:
    is_within = schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
    is_above = value > schema.get("exclusiveMinimum", -math.inf)
    return bool(is_within and is_above and value < schema.get("exclusiveMaximum", math.inf))


def _multiples(low: float, high: float, step: float) -> Iterator[float]:
    """Multiples of the step from the end of the range that is closest to 1."""
    if math.isfinite(low):
        first, way = math.ceil(low / step), 1
    elif high < step:
        first, way = math.floor(high / step), -1
    else:
        first, way = 1, 1
    return (step * (first + way * index) for index in range(1_000))


def _between(low: float, high: float, number: int) -> Iterator[float]:
    yield number + 1
    if math.isfinite(low):
        yield math.floor(low) + 1 + number
    if math.isfinite(high):
        yield math.ceil(high) - 1 - number
    if math.isfinite(low) and math.isfinite(high):
        yield low + (high - low) / (number + 2)
    yield low
    yield high

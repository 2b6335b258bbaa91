"""Training curves, from a result file's CSV or from the metrics events of the log.

OpenAI and Azure name the same metrics differently (`valid_mean_token_accuracy`, `validation_loss`); we use
one set of names. Columns of other names keep their names.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_OUR_NAMES = {
    "train_mean_token_accuracy": "train_accuracy",
    "valid_mean_token_accuracy": "valid_accuracy",
    "validation_loss": "valid_loss",
    "validation_mean_token_accuracy": "valid_accuracy",
    "full_valid_mean_token_accuracy": "full_valid_accuracy",
    "full_validation_loss": "full_valid_loss",
    "full_validation_mean_token_accuracy": "full_valid_accuracy",
}
_NO_CURVES = frozenset({"step", "total_steps", "epoch"})
_MOST_POINTS = 100_000

Curves = dict[str, list[tuple[int, float]]]


def curves_from_csv(content: bytes) -> Curves:
    """Return the curves in a result file, without cells that are not numbers."""
    text = content.decode("utf-8-sig", "replace")
    # A NUL makes the reader fail, and an open quote would swallow the rest of the file.
    rows = csv.DictReader(io.StringIO(text.replace("\0", ""), newline=""), quoting=csv.QUOTE_NONE)
    return _collect(dict(row) for row in rows)


def curves_from_events(data: Iterable[Mapping[str, Any]]) -> Curves:
    """Return the curves in the data of metrics events, which are ordered oldest first."""
    return _collect(data)


def merged(first: Curves, second: Curves) -> Curves:
    """Return the curves of both; if both have a curve of the same name, that of `first`."""
    return second | first


def best(points: Sequence[tuple[int, float]], *, lowest: bool) -> tuple[int, float]:
    """Return the point with the best value; the earliest, if several have it."""
    return min(points, key=lambda point: point[1] if lowest else -point[1])


def _collect(rows: Iterable[Mapping[str, Any]]) -> Curves:
    found: dict[str, dict[int, float]] = {}
    for number, row in enumerate(rows):
        if number >= _MOST_POINTS:
            break
        step = _number(row.get("step"))
        if step is None or step < 0:
            continue
        for name, value in row.items():
            measured = _number(value)
            if isinstance(name, str) and name.strip() not in _NO_CURVES and measured is not None:
                # The later value of a step counts: a resumed job repeats the steps that it had lost.
                found.setdefault(_our_name(name.strip()), {})[int(step)] = measured
    return {name: sorted(points.items()) for name, points in found.items()}


def _our_name(name: str) -> str:
    return _OUR_NAMES.get(name, name)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 2**53 else None

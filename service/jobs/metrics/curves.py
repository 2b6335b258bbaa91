"""What training measured, as curves: from a result file's CSV, or from the log's metrics. Pure.

OpenAI writes `train_accuracy`, `valid_mean_token_accuracy` and so on, Azure other names for these; ours are
one set. Columns of unknown names are kept under the names they came with.
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
    """The curves in a result file; lines and cells that are no numbers are left out."""
    text = content.decode("utf-8-sig", "replace")
    # A NUL would end the reader with an error, a quote left open would swallow the rest.
    rows = csv.DictReader(io.StringIO(text.replace("\0", ""), newline=""), quoting=csv.QUOTE_NONE)
    return _collect(dict(row) for row in rows)


def curves_from_events(data: Iterable[Mapping[str, Any]]) -> Curves:
    """The curves in the data of metrics events, oldest first."""
    return _collect(data)


def merged(first: Curves, second: Curves) -> Curves:
    """The curves of `first`, and those that only `second` has."""
    return second | first


def best(points: Sequence[tuple[int, float]], *, lowest: bool) -> tuple[int, float]:
    """The point of the best value, the earliest of equals."""
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
                # Told twice, the later word counts: a resumed job repeats the steps it had lost.
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

"""Numbers for `auto` hyperparameters, and the number of steps that follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from service.dataset.auto import auto_batch_size, auto_epochs


def resolve_epochs(value: object, n_examples: int) -> int:
    """The given number, or the one that an estimate assumes for `auto`."""
    return value if isinstance(value, int) else auto_epochs(n_examples)


def resolve_batch_size(value: object, n_examples: int) -> int:
    """The given number, or the one that an estimate assumes for `auto`."""
    return value if isinstance(value, int) else auto_batch_size(n_examples)


def resolve_learning_rate(value: object) -> float:
    """The given multiplier, or 1.8, as seen on real gpt-4o-mini jobs."""
    return float(value) if isinstance(value, int | float) else 1.8


def count_steps(n_examples: int, n_epochs: int, batch_size: int) -> int:
    """Optimiser steps of the whole job."""
    return math.ceil(n_examples / batch_size) * n_epochs


def method_extras(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The other hyperparameters of a method with numbers in place of `auto`."""
    defaults: dict[str, dict[str, Any]] = {
        "dpo": {"beta": 0.1},
        "reinforcement": {
            "compute_multiplier": 1.0,
            "eval_interval": 5,
            "eval_samples": 2,
            "reasoning_effort": "medium",
        },
    }
    known = defaults.get(method, {})
    return {key: known[key] if given.get(key, "auto") == "auto" else given[key] for key in known}

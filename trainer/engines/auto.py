"""What `auto` becomes, and where the number of steps comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MAX_DEFAULT_EPOCHS = 25


def resolve_epochs(value: object, n_examples: int) -> int:
    """The given number, or the default of OpenAI's cookbook (Chat_finetuning_data_prep.ipynb)."""
    if isinstance(value, int):
        return value
    if n_examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_DEFAULT_EPOCHS, MIN_TARGET_EXAMPLES // n_examples)
    if n_examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(1, MAX_TARGET_EXAMPLES // n_examples)
    return TARGET_EPOCHS


def resolve_batch_size(value: object, n_examples: int) -> int:
    """The given number, or about 0.2 % of the examples within 1..256 (OpenAI's rule of 2022)."""
    return value if isinstance(value, int) else min(256, max(1, round(n_examples * 0.002)))


def resolve_learning_rate(value: object) -> float:
    """The given multiplier, or the 1.8 seen on real gpt-4o-mini jobs."""
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

"""Numbers for `auto`, and the learning rate of each step. Each figure cites its source.

`learning_rate_multiplier` multiplies the rate below; `auto` is 1. Epochs follow the cookbook's rule, as they
do at OpenAI, so that an estimate made from the file alone holds here too (trainer/engines/auto.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.engines import auto

BASE_RATES = {
    ("supervised", "lora"): 2e-4,  # Dettmers 2023 (QLoRA), table 9; ten times the full rate
    ("supervised", "full"): 2e-5,  # Taori 2023 (Alpaca); TRL's SFTConfig
    ("dpo", "lora"): 1e-5,  # ten times the full rate, as above
    ("dpo", "full"): 1e-6,  # Rafailov 2023, appendix B; TRL's DPOConfig
    ("classify", "full"): 5e-5,  # Devlin 2019 (BERT), A.3: the highest of 5e-5, 3e-5, 2e-5
}
WEIGHT_DECAY = {"supervised": 0.0, "dpo": 0.0, "classify": 0.01}  # TRL's default; Devlin 2019, A.2
WARMUP_SHARE = 0.1  # Mosbach 2021: a tenth of the steps, then linearly to zero
CLIP_NORM = 1.0  # the default of transformers' Trainer
PATIENCE = 2  # epochs without a lower validation loss before a classifier's job ends
DPO_BETA = 0.1  # Rafailov 2023
DROPOUT = 0.1  # Devlin 2019, A.2: on what goes into the classification head
LORA_RANK = 16  # with alpha 32 and all linear layers: Dettmers 2023; Biderman 2024
LORA_ALPHA = 32
LORA_DROPOUT = 0.05  # Dettmers 2023
_BATCHES = {"supervised": 8, "dpo": 8, "classify": 16}  # transformers' Trainer; Devlin 2019, A.3
_MIN_STEPS_AN_EPOCH = 4  # so that a small file is not learnt in a handful of steps


def batch_size(given: object, objective: str, n_examples: int) -> int:
    """The given size, or the objective's own, smaller where an epoch would have less than four steps."""
    if isinstance(given, int):
        return min(given, n_examples)
    return max(1, min(_BATCHES[objective], n_examples // _MIN_STEPS_AN_EPOCH))


def n_epochs(given: object, n_examples: int) -> int:
    """The given number or the cookbook's."""
    return auto.resolve_epochs(given, n_examples)


def multiplier(given: object) -> float:
    """The given multiplier, or 1."""
    return float(given) if isinstance(given, int | float) else 1.0


def beta(given: Mapping[str, Any]) -> float:
    """The strength of DPO's tie to the starting model."""
    value = given.get("beta")
    return float(value) if isinstance(value, int | float) else DPO_BETA


def rate_at(step: int, total_steps: int, peak: float) -> float:
    """The learning rate of a step (from 1): warm-up over the first tenth, then linear decay to zero."""
    warmup = max(1, round(total_steps * WARMUP_SHARE))
    if step <= warmup:
        return peak * step / warmup
    return peak * (total_steps - step + 1) / (total_steps - warmup + 1)

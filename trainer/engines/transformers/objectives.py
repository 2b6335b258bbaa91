"""Three losses over a padded batch. Each returns sums, which add up over micro-batches and processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

Tensor = Any


@dataclass
class Sums:
    """`loss` can be differentiated; `count` is what it is a sum over: tokens, pairs or texts."""

    loss: Tensor
    count: int
    correct: Tensor
    margin: Tensor | None = None
    guesses: list[tuple[int, int]] = field(default_factory=list)
    """Right and guessed class of each text, of a classifier only."""


def supervised(model: Any, batch: dict[str, Tensor]) -> Sums:
    """Cross-entropy of the next token where its weight is 1; other positions never meet the loss.

    Positions are picked before the loss is taken, so what has no weight has no gradient.
    """
    logits = model(input_ids=batch["ids"], attention_mask=batch["mask"], use_cache=False).logits
    picked = batch["weights"][:, 1:]
    targets = batch["ids"][:, 1:][picked]
    scores = logits[:, :-1][picked].float()
    loss = functional.cross_entropy(scores, targets, reduction="sum")
    return Sums(loss, targets.numel(), (scores.detach().argmax(-1) == targets).sum())


def log_likelihoods(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The summed log probability of each sequence's weighted tokens, shape (sequences,)."""
    logits = model(input_ids=batch["ids"], attention_mask=batch["mask"], use_cache=False).logits
    picked = batch["weights"][:, 1:]
    scores = logits[:, :-1][picked].float()
    each = -functional.cross_entropy(scores, batch["ids"][:, 1:][picked], reduction="none")
    rows = picked.nonzero()[:, 0]
    return torch.zeros(len(picked), device=each.device).index_add(0, rows, each)


def dpo(model: Any, batch: dict[str, Tensor], beta: float) -> Sums:
    """DPO's loss: -log sigmoid(beta x (margin of the model - margin of the reference)).

    Formula: Rafailov 2023, equation 7. `batch["reference"]` holds the starting model's log likelihoods.
    """
    gains = log_likelihoods(model, batch) - batch["reference"]
    margin = beta * (gains[0::2] - gains[1::2])
    loss = -functional.logsigmoid(margin).sum()
    return Sums(loss, len(margin), (margin.detach() > 0).sum(), margin.detach().sum())


def classify(model: Any, batch: dict[str, Tensor]) -> Sums:
    """Cross-entropy of the class."""
    scores = model(input_ids=batch["ids"], attention_mask=batch["mask"]).logits.float()
    targets = batch["labels"]
    loss = functional.cross_entropy(scores, targets, reduction="sum")
    guessed = scores.detach().argmax(-1)
    pairs = list(zip(targets.tolist(), guessed.tolist(), strict=True))
    return Sums(loss, len(targets), (guessed == targets).sum(), guesses=pairs)
